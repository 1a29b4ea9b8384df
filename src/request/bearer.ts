import { receiptHeader } from '../claim/carrier.ts'
import type { TokenSettings } from '../claim/signer.ts'

/** A header of a response. */
export type HeaderLine = readonly [name: string, value: string]

/**
 * The headers that tell a client which speaks by Authorization what the cookies tell a browser: the token, or the receipt of a change, each in
 * a header of its own, for the reason that there are two cookies. Empty where it is to forget them. The token comes first.
 */
export function asHeaders(
  { cookie, tokenHeader = '' }: Pick<TokenSettings, 'cookie' | 'tokenHeader'>,
  setCookies: readonly string[],
): readonly HeaderLine[] {
  const names = new Map([
    [cookie.name, tokenHeader],
    [cookie.receiptName, receiptHeader(tokenHeader)],
  ])
  const lines = new Map<string, string>()
  for (const setCookie of setCookies) {
    const [pair = ''] = setCookie.split(';', 1)
    const equals = pair.indexOf('=')
    const name = names.get(pair.slice(0, equals))
    if (name !== undefined && !lines.has(name)) lines.set(name, pair.slice(equals + 1))
  }
  return [...lines]
}
