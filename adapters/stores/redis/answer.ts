import type { UnavailableReason } from '../../../src/errors.ts'
import { KnownFailure, whyOf } from './reasons.ts'

/** A value of 1,000,000 bytes is 1,333,334 characters of base64url; the rest is room for another program's text. */
const maxAnswerBytes = 1_500_000
/** Outside of its strings an answer is `{"result":["conflict",...]}` and some white space. */
const maxBareCharacters = 100

/** What an answer without words of redis means by its status alone. */
const statuses: ReadonlyMap<number, UnavailableReason> = new Map<number, UnavailableReason>([
  [401, 'authentication'],
  [403, 'forbidden'],
  [404, 'not-found'],
  [429, 'rate-limited'],
  [502, 'bad-gateway'],
  [503, 'bad-gateway'],
  [504, 'bad-gateway'],
])

/** The body as text; hangs up on one that is larger than any answer, also where the length was not told, or not truly. */
export async function textOf(body: ReadableStream<Uint8Array> | null): Promise<string> {
  if (body === null) return ''
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  for (let bytes = 0; ; ) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    bytes += value.length
    if (bytes > maxAnswerBytes) {
      reader.cancel().catch(() => {})
      throw wrongAnswer()
    }
    text += decoder.decode(value, { stream: true })
  }
}

/** The result; throws redis' own words, of which the caller lets only known ones through, or what the status tells. */
export function parseAnswer(status: number, text: string): unknown {
  const { result, error } = objectIn(text)
  const isOk = status >= 200 && status < 300
  if (isOk && error === undefined) {
    if (result === undefined) throw wrongAnswer()
    return result
  }
  const worded = new Error(typeof error === 'string' ? error : '')
  if (isOk || whyOf(worded).reason !== 'failed') throw worded
  const reason = statuses.get(status) ?? (status < 400 ? 'wrong-answer' : 'failed')
  throw new KnownFailure(reason, `refused with HTTP ${status}`)
}

/** Nothing where it is not the kind of JSON that such a server sends. */
function objectIn(text: string): { readonly result?: unknown; readonly error?: unknown } {
  if (!isFlat(text)) return {}
  try {
    const answer: unknown = JSON.parse(text)
    return typeof answer === 'object' && answer !== null ? answer : {}
  } catch {
    return {}
  }
}

/** A megabyte of `[` keeps JSON.parse busy for a second; strings, whatever is in them, do not. */
function isFlat(text: string): boolean {
  let bare = 0
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '"') at = endOfString(text, at)
    else if (++bare > maxBareCharacters) return false
  }
  return true
}

/** Where a string ends that begins here: at the first quote after an even number of backslashes. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let slashes = 0
    while (text[end - 1 - slashes] === '\\') slashes++
    if (slashes % 2 === 0) return end
  }
  return text.length
}

const wrongAnswer = () => new KnownFailure('wrong-answer', 'something answered that is not redis')
