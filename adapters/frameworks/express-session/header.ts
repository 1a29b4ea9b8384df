import type { Cookie } from '../../../src/claim/cookie.ts'

const nameOf = (pair: string) => pair.split('=', 1)[0]?.trim()

/** The Cookie header that the browser would send after an answer with these: a second look at the session within one request. */
export function headerAfter(header: string | undefined, cookie: Cookie, setCookies: readonly string[]): string {
  const own = [cookie.name, cookie.receiptName]
  const isClearing = setCookies.some((value) => value.startsWith(`${cookie.name}=;`))
  const pairs = setCookies.map((value) => value.split(';', 1)[0] ?? '').filter((pair) => !pair.endsWith('='))
  const replaced = isClearing || pairs.some((pair) => nameOf(pair) === cookie.name) ? own : [cookie.receiptName]
  const kept = (header ?? '').split(';').filter((pair) => !replaced.includes(nameOf(pair) ?? ''))
  return [...pairs, ...kept].join(';')
}

/** What is due in the end: a claim check takes the place of all before it, a receipt that of the receipt. */
export function dueAfter(due: readonly string[], cookie: Cookie, setCookies: readonly string[]): readonly string[] {
  if (setCookies.length === 0) return due
  const isNew = setCookies.some((value) => value.startsWith(`${cookie.name}=`))
  const kept = isNew ? [] : due.filter((value) => !value.startsWith(`${cookie.receiptName}=`))
  return [...kept, ...setCookies]
}
