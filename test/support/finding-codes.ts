import { readdirSync, readFileSync } from 'node:fs'

const folder = new URL('../../tools/doctor/', import.meta.url)
const words = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, word = '']) => word)

/** The codes that the source of `doctor` names: as `code: '...'`, as either side of a choice, and first in a table's row of words. */
export function findingCodes(): ReadonlySet<string> {
  const parts = readdirSync(folder).map((name) => readFileSync(new URL(name, folder), 'utf8'))
  const codes = parts.flatMap((text) => [
    ...words(text, /\bcode: ([^,}]+)/g).flatMap((expression) => words(expression, /'([a-z-]+)'/g)),
    ...words(text, /\[\s*'([a-z-]+)',\s+['"][A-Z]/g),
  ])
  return new Set(codes)
}
