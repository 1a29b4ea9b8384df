import type { Cookie } from './cookie.ts'

/** The headers of a request, as far as a session is looked for in them: `Headers` fits. */
export interface RequestHeaders {
  get(name: string): string | null | undefined
}

/** Where a session is looked for: in a Cookie header, or in all headers of a request; those of a `Request` are not looked at before they are needed. */
export type RequestFrom = string | null | undefined | RequestHeaders | { readonly headers: RequestHeaders }

/** What a request carries. */
export interface Carried {
  /** Of a token that came by Authorization, the Cookie header that would carry it. */
  readonly cookieHeader: string | null | undefined
  /** The request speaks by Authorization, so the answer does: no cookie is read, and none is sent. */
  readonly isBearer: boolean
}

/** The header of the receipt, beside that of the token, in both directions. */
export const receiptHeader = (tokenHeader: string): string => `${tokenHeader}-Rev`

/**
 * What a request carries its session in: `Authorization: Bearer` where that is there and allowed, else the cookies. Never both, so a script
 * that adds the header to a request with cookies reaches no session of a cookie, nor is told its token.
 *
 * `Bearer` alone asks for a token: that of a client which has none yet. An empty `tokenHeader` is one that nobody sends.
 */
export function carriedIn(
  from: RequestFrom,
  { name, receiptName }: Pick<Cookie, 'name' | 'receiptName'>,
  tokenHeader: string | undefined,
): Carried {
  if (typeof from !== 'object' || from === null) return { cookieHeader: from, isBearer: false }
  const headers = 'get' in from ? from : from.headers
  const authorization = tokenHeader === undefined ? undefined : headers.get('Authorization')
  if (tokenHeader === undefined || !authorization || !/^bearer(?: |$)/i.test(authorization))
    return { cookieHeader: headers.get('Cookie'), isBearer: false }
  const token = authorization.slice('bearer'.length).trim()
  const receipt = tokenHeader && headers.get(receiptHeader(tokenHeader))
  const pairs = [token && `${name}=${plain(token)}`, receipt && `${receiptName}=${plain(receipt)}`]
  return { cookieHeader: pairs.filter(Boolean).join('; '), isBearer: true }
}

/** Nothing that could pass for another cookie; the rest is judged as a cookie's value is. */
const plain = (text: string) => (/^[A-Za-z0-9._~+/=-]+$/.test(text) ? text : '~')
