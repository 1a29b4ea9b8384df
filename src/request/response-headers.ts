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

/** The part of `Headers` that is needed, so that a framework may keep its headers as it likes. */
export type HeaderMap = Pick<Headers, 'has' | 'get' | 'set' | 'append' | 'delete' | 'getSetCookie'>

/**
 * Makes a response fit to carry a session: the one place where headers are touched.
 *
 * A cache does not stop at Set-Cookie by itself (RFC 9111 section 7.3), so a response with one is `private, no-store`; one that
 * only looked at the session varies by cookie and, unless it says otherwise, must be revalidated.
 */
export function applyToHeaders(headers: HeaderMap, setCookies: readonly string[], clearSiteData?: string): void {
  addVary(headers)
  if (clearSiteData !== undefined) headers.set('Clear-Site-Data', clearSiteData)
  if (setCookies.length === 0) {
    if (!headers.has('Cache-Control')) headers.set('Cache-Control', cacheControlByDefault)
    return
  }
  headers.set('Cache-Control', 'private, no-store')
  for (const name of cacheHeaders) headers.delete(name)
  // The session comes first: a load balancer without multi-value headers keeps only the first Set-Cookie.
  const others = headers.getSetCookie()
  headers.delete('Set-Cookie')
  for (const value of [...setCookies, ...others]) headers.append('Set-Cookie', value)
}

function addVary(headers: HeaderMap): void {
  const names = (headers.get('Vary') ?? '').split(',').map((name) => name.trim().toLowerCase())
  if (!names.includes('*') && !names.includes('cookie')) headers.append('Vary', 'Cookie')
}
