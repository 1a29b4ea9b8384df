/** Cache directives of content delivery networks that outrank Cache-Control (RFC 9213 and vendors' manuals). */
const cacheHeaders = [
  'CDN-Cache-Control',
  'Cloudflare-CDN-Cache-Control',
  'Netlify-CDN-Cache-Control',
  'Vercel-CDN-Cache-Control',
  'Surrogate-Control',
  'X-Accel-Expires',
  'Expires',
]

/** For a response that used the session and has no Cache-Control of its own. */
export const cacheControlByDefault = 'private, no-cache'

/** What an answer carries beside cookies. */
export interface MoreHeaders {
  readonly clearSiteData?: string | undefined
  /** Of a client that has no cookies. */
  readonly tokenHeaders?: readonly (readonly [name: string, value: string])[] | undefined
  /** A token may come by Authorization, too. */
  readonly isByAuthorization?: boolean | undefined
}

/** The part of `Headers` that is needed, so that a framework may keep its headers as it likes. */
export type HeaderMap = Pick<Headers, 'has' | 'get' | 'set' | 'append' | 'delete' | 'getSetCookie'>

/**
 * Makes a response fit to carry a session: the one place where headers are touched.
 *
 * A cache does not stop at Set-Cookie by itself (RFC 9111 section 7.3), so a response with one is `private, no-store`; one that
 * only looked at the session varies by cookie and, unless it says otherwise, must be revalidated.
 */
export function applyToHeaders(headers: HeaderMap, setCookies: readonly string[], more: MoreHeaders = {}): void {
  const { clearSiteData, tokenHeaders = [], isByAuthorization } = more
  addVary(headers, 'Cookie')
  if (isByAuthorization) addVary(headers, 'Authorization')
  if (clearSiteData !== undefined) headers.set('Clear-Site-Data', clearSiteData)
  if (setCookies.length === 0 && tokenHeaders.length === 0) {
    if (!headers.has('Cache-Control')) headers.set('Cache-Control', cacheControlByDefault)
    return
  }
  headers.set('Cache-Control', 'private, no-store')
  for (const name of cacheHeaders) headers.delete(name)
  for (const [name, value] of tokenHeaders) headers.set(name, value)
  if (setCookies.length === 0) return
  // The session comes first: a load balancer without multi-value headers keeps only the first Set-Cookie.
  const others = headers.getSetCookie()
  headers.delete('Set-Cookie')
  for (const value of [...setCookies, ...others]) headers.append('Set-Cookie', value)
}

function addVary(headers: HeaderMap, name: 'Cookie' | 'Authorization'): void {
  const names = (headers.get('Vary') ?? '').split(',').map((one) => one.trim().toLowerCase())
  if (!names.includes('*') && !names.includes(name.toLowerCase())) headers.append('Vary', name)
}
