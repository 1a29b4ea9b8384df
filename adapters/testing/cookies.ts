/** What a server answered: a `Response`, or its Set-Cookie headers (of supertest, `response.headers['set-cookie']`). */
export type Answered = { readonly headers: Headers } | readonly string[] | undefined

/**
 * The Cookie header that a browser sends after this answer, having sent `before`; undefined where no cookie is left.
 *
 * It knows one site and one path: names, values, and that `Max-Age=0` takes a cookie away.
 */
export function cookieAfter(answered: Answered, before?: string | null): string | undefined {
  const pairs = (before ?? '').split(/; */).filter((pair) => pair !== '')
  const jar = new Map(pairs.map((pair) => [nameOf(pair), pair]))
  for (const line of linesOf(answered)) {
    const [pair = ''] = line.split(';', 1)
    if (/; *max-age=0 *(;|$)/i.test(line)) jar.delete(nameOf(pair))
    else jar.set(nameOf(pair), pair)
  }
  return jar.size === 0 ? undefined : [...jar.values()].join('; ')
}

const nameOf = (pair: string) => pair.slice(0, pair.indexOf('='))

function linesOf(answered: Answered): readonly string[] {
  if (answered === undefined) return []
  return 'headers' in answered ? answered.headers.getSetCookie() : answered
}
