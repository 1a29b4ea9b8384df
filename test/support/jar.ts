/** The Cookie header that a browser sends after these Set-Cookie headers, having sent `before`; undefined where no cookie is left. */
export function nextCookies(before: string | null | undefined, setCookies: readonly string[]): string | undefined {
  const pairs = (before ?? '').split('; ').filter((pair) => pair !== '')
  const jar = new Map(pairs.map((pair) => [nameOf(pair), pair]))
  for (const set of setCookies) {
    const pair = set.split(';', 1)[0] as string
    if (/; Max-Age=0(;|$)/.test(set)) jar.delete(nameOf(pair))
    else jar.set(nameOf(pair), pair)
  }
  return jar.size === 0 ? undefined : [...jar.values()].join('; ')
}

const nameOf = (pair: string) => pair.slice(0, pair.indexOf('='))

/** Throws where an answer sets more than one cookie of the session; a logout clears both. */
export function expectOne(setCookies: readonly string[]): void {
  if (setCookies.filter((set) => !/; Max-Age=0(;|$)/.test(set)).length > 1) throw new Error('more than one Set-Cookie')
}

/** The answer to a visit over HTTP. */
interface Answered {
  readonly status: number
  readonly code: string | undefined
  readonly setCookie: string | undefined
  readonly cookies: string | undefined
  readonly headers: Headers
}

/** What a visit over HTTP came to; throws where more than one cookie is set. */
export function answeredBy(
  { status, headers }: Response,
  code: string | undefined,
  cookie: string | undefined,
): Answered {
  const setCookies = headers.getSetCookie()
  expectOne(setCookies)
  return { status, code, setCookie: setCookies[0], cookies: nextCookies(cookie, setCookies), headers }
}
