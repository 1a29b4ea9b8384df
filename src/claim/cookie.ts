import { SessionOptionsError } from '../errors.ts'

/** The session cookie. HttpOnly and Secure always; only `insecure` leaves Secure out. */
export interface CookieOptions {
  /**
   * Default `__Host-sid`; `sid` with `insecure`. A `__Host-`, `__Secure-`, `__Http-` or `__Host-Http-` prefix is held to its rules
   * (RFC 6265bis section 4.1.3 and its successor). `<name>-rev` is the receipt. Another name ends every session.
   */
  readonly name?: string | undefined
  /** Default `Lax`: `Strict` also hides the session from links that lead to your site. */
  readonly sameSite?: 'Lax' | 'Strict' | 'None' | undefined
  /** Shares the session with subdomains; needs a `__Secure-` or `__Http-` name. */
  readonly domain?: string | undefined
  /** Default `/`. */
  readonly path?: string | undefined
  /** Partitioned by top-level site (CHIPS); needs `sameSite: 'None'`. */
  readonly partitioned?: boolean | undefined
  /** Keep the cookie when the browser closes, until the session's absolute end. Default false. */
  readonly persistent?: boolean | undefined
  /** Plain-http development: no Secure attribute, no prefix. Never in production. */
  readonly insecure?: boolean | undefined
}

/** The checked options, as the attributes of Set-Cookie. */
export interface Cookie {
  readonly name: string
  /** The cookie that tells the last revision once the token was sent: same attributes, so a prefix keeps its rules. */
  readonly receiptName: string
  readonly persistent: boolean
  /** From `; Path=` on, without Max-Age. */
  readonly attributes: string
  /** The attributes of places where an older cookie may remain, from before `domain` or `path` was set: the host alone, and `/`. */
  readonly formerAttributes: readonly string[]
}

/** Browsers drop a cookie whose name and value exceed 4096 bytes (RFC 6265bis section 5.6), and key derivation takes 1024 of a name. */
const maxNameLength = 256

/**
 * The different values of one cookie in a Cookie header, in order.
 *
 * Raw, as sent: no decoding, no unquoting; only space and tab are trimmed, only `;` separates, names are compared exactly.
 * Everything laxer has let somebody smuggle a cookie past a prefix (PHP, Django, ASP.NET).
 */
export function readCookie(header: string | null | undefined, name: string): readonly string[] {
  if (!header?.includes(name)) return []
  const found = new Set<string>()
  for (let start = 0; start <= header.length; ) {
    const semicolon = header.indexOf(';', start)
    const end = semicolon < 0 ? header.length : semicolon
    const value = valueIn(header.slice(start, end), name)
    if (value !== undefined) found.add(value)
    start = end + 1
  }
  return [...found]
}

function valueIn(pair: string, name: string): string | undefined {
  const equals = pair.indexOf('=')
  return equals >= 0 && trim(pair.slice(0, equals)) === name ? trim(pair.slice(equals + 1)) : undefined
}

/** Two loops, because a pattern takes time by the square of a long run of blanks: 185 ms for 15 KB of them (measured). */
function trim(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

const isBlank = (code: number) => code === 0x20 || code === 0x09

/**
 * The Set-Cookie value that hands out a token or, under the receipt's name, a receipt. Without a Max-Age it ends with the browser.
 */
export function serializeCookie(
  cookie: Cookie,
  name: string,
  value: string,
  maxAgeSeconds: number | undefined,
): string {
  const age = maxAgeSeconds === undefined ? '' : `; Max-Age=${Math.floor(maxAgeSeconds)}`
  return `${name}=${value}${age}${cookie.attributes}`
}

/** The Set-Cookie values that clear token and receipt, the token first. `everywhere`: also in the former places. */
export function clearCookies(cookie: Cookie, everywhere: boolean): readonly string[] {
  const clear = (name: string, attributes: string) => `${name}=; Max-Age=0${attributes}`
  const former = everywhere ? cookie.formerAttributes : []
  return [
    ...[cookie.attributes, ...former].map((attributes) => clear(cookie.name, attributes)),
    clear(cookie.receiptName, cookie.attributes),
  ]
}

/** Checks the `cookie` option; throws `SessionOptionsError` for what a browser would refuse, drop or misread. */
export function checkCookie(options: CookieOptions): Cookie {
  const { insecure = false, sameSite = 'Lax', path = '/', domain, partitioned = false, persistent = false } = options
  // A default and not ??, so that null is refused below, as for every other option.
  const { name = insecure ? 'sid' : '__Host-sid' } = options
  const need = (condition: boolean, why: string) => {
    if (!condition) throw new SessionOptionsError(`cookie.${why}`)
  }
  for (const [flag, value] of Object.entries({ insecure, partitioned, persistent })) {
    need(typeof value === 'boolean', `${flag} must be true or false`)
  }
  need(
    typeof name === 'string' && /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name),
    'name must be a token (RFC 9110 section 5.6.2)',
  )
  need(name.length <= maxNameLength, `name must have at most ${maxNameLength} characters`)
  need(['Lax', 'Strict', 'None'].includes(sameSite), "sameSite must be 'Lax', 'Strict' or 'None'")
  const fits = (value: unknown, pattern: RegExp) => typeof value === 'string' && pattern.test(value)
  need(fits(path, /^\/[\x21-\x2b\x2d-\x3a\x3c-\x7e]*$/), 'path must start with / and hold no ; no , and no spaces')
  need(domain === undefined || fits(domain, /^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/), 'domain must be a host name')
  checkPrefix(name, insecure, path, domain, need)
  need(!(insecure && sameSite === 'None'), "sameSite 'None' needs a secure cookie: browsers drop it otherwise")
  need(!partitioned || sameSite === 'None', "partitioned needs sameSite 'None'")
  const rest = `; HttpOnly${insecure ? '' : '; Secure'}; SameSite=${sameSite}${partitioned ? '; Partitioned' : ''}`
  const [attributes = '', ...formerAttributes] = placesOf(path, domain).map((place) => place + rest)
  return { name, receiptName: `${name}-rev`, persistent, attributes, formerAttributes }
}

/** Where the cookie is set, then where it may remain from before an option was added. What an option was before, nobody can tell. */
function placesOf(path: string, domain: string | undefined): readonly string[] {
  const paths = path === '/' ? ['; Path=/'] : [`; Path=${path}`, '; Path=/']
  const domains = domain === undefined ? [''] : [`; Domain=${domain}`, '']
  return paths.flatMap((one) => domains.map((other) => one + other))
}

type Need = (condition: boolean, why: string) => void

const prefixes = ['__Host-', '__Secure-', '__Http-', '__Host-Http-']

/**
 * Browsers match prefixes without regard to case, servers must not: a misspelt prefix is refused.
 *
 * `__Http-` and `__Host-Http-` (draft-ietf-httpbis-layered-cookies section 4.1.3; Chrome 140, Firefox 143) also tell the browser that
 * no script set the cookie; it is HttpOnly in any case.
 */
function checkPrefix(name: string, insecure: boolean, path: string, domain: string | undefined, need: Need): void {
  const prefix = /^__(host-http|host|secure|http)-/i.exec(name)?.[0]
  need(prefix === undefined || prefixes.includes(prefix), `name has a misspelt prefix: write ${prefixes.join(', ')}`)
  need(!(insecure && prefix !== undefined), 'insecure cannot go with a prefixed name: browsers drop it')
  if (prefix?.startsWith('__Host-')) need(path === '/', `path must be / with a ${prefix} name`)
  if (domain !== undefined)
    need(prefix === '__Secure-' || prefix === '__Http-', 'domain needs a name that starts with __Secure- or __Http-')
}
