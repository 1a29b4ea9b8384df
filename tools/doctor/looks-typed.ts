/** Letters of one case in a row: by chance 4 of them are rare in base64, in words they are the rule. */
const words = /[a-z]{4,}|[A-Z]{4,}|[A-Z][a-z]{3,}/g
/** Base64 has a tenth of its characters in such runs, hexadecimal fewer. */
const leastInWords = 0.6
/** Base32 has such runs too, but a fifth of it are digits, and of its letters another fifth are vowels; of English text two fifths. */
const mostDigits = 0.1
const leastVowels = 0.25

/** Whether a secret consists of words: what is drawn at random, in whatever alphabet, does not. */
export function looksTyped(text: string): boolean {
  const inWords = [...text.matchAll(words)].reduce((sum, [word]) => sum + word.length, 0)
  const share = (pattern: RegExp, of: number) => (text.match(pattern)?.length ?? 0) / Math.max(of, 1)
  const letters = text.match(/[a-z]/gi)?.length ?? 0
  return (
    inWords > text.length * leastInWords &&
    share(/\d/g, text.length) < mostDigits &&
    share(/[aeiou]/gi, letters) > leastVowels
  )
}
