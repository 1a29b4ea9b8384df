import type { CommitResult } from '../../../src/sessions.ts'
import { type EventForm, type Fields, isFields } from './events.ts'

/**
 * What the handler returned, with the headers that its session needs: a copy where anything changes, else the same object.
 *
 * Every other header stays as it was, in its own spelling and map. What no gateway takes for a response is left as it is.
 */
export function applyTo(form: EventForm, result: unknown, commit: CommitResult): unknown {
  if (!commit.used) return result
  const response = form === 'v2' ? structured(result) : result
  if (!isFields(response)) return response
  const own = pairsIn(form, response)
  const before = headersOf(own)
  const after = new Headers(before)
  commit.applyTo(after)
  return replaceIn(form, response, before, after, cookiesOf(own))
}

/** An answer of ours. */
export async function resultOf(form: EventForm, response: Response): Promise<unknown> {
  const headers = Object.fromEntries(response.headers)
  const multiValueHeaders = Object.fromEntries([...response.headers].map(([name, value]) => [name, [value]]))
  return {
    statusCode: response.status,
    ...(form === 'alb-multi' ? { multiValueHeaders } : { headers }),
    body: await response.text(),
    isBase64Encoded: false,
  }
}

/** Without a status code the whole result is the body (API Gateway developer guide, "Lambda function response for format 2.0"). */
function structured(result: unknown): unknown {
  if (isFields(result) && result.statusCode !== undefined) return result
  const body = typeof result === 'string' ? result : JSON.stringify(result ?? null)
  return { statusCode: 200, headers: { 'content-type': 'application/json' }, body, isBase64Encoded: false }
}

type Pair = readonly [name: string, value: string]

/** The headers that the gateway will see: it looks only where its form has them. Cookies in the order of the handler. */
function pairsIn(form: EventForm, response: Fields): readonly Pair[] {
  const multi = form === 'v1' || form === 'alb-multi' ? pairsOf(response.multiValueHeaders) : []
  const single = form === 'alb-multi' ? [] : pairsOf(response.headers)
  const cookies = form === 'v2' ? pairsOf({ 'set-cookie': response.cookies }) : []
  const isNew = ([name, value]: Pair) => !multi.some((other) => other[0] === name && other[1] === value)
  // What stands in both maps of a REST API is sent once.
  return [...cookies, ...multi, ...single.filter(isNew)]
}

function headersOf(pairs: readonly Pair[]): Headers {
  const headers = new Headers()
  for (const [name, value] of pairs) {
    try {
      headers.append(name, value)
    } catch {
      // No header that HTTP knows: the gateway may say so.
    }
  }
  return headers
}

/** As the handler wrote them: `Headers` refuses what is above U+00FF, and a cookie must not vanish for that. */
const cookiesOf = (pairs: readonly Pair[]) => pairs.flatMap(([name, value]) => (name === 'set-cookie' ? [value] : []))

/** Names in lower case; numbers and booleans are values, too. */
function pairsOf(map: unknown): readonly Pair[] {
  if (!isFields(map)) return []
  return Object.entries(map).flatMap(([name, value]) =>
    [value]
      .flat()
      .filter((one) => one !== undefined && one !== null)
      .map((one): Pair => [name.toLowerCase(), String(one)]),
  )
}

function replaceIn(
  form: EventForm,
  response: Fields,
  before: Headers,
  after: Headers,
  ownCookies: readonly string[],
): Fields {
  const names = new Set([...before.keys(), ...after.keys()].filter((name) => isChanged(name, before, after)))
  const single = without(response.headers, names)
  const multi = without(response.multiValueHeaders, names)
  let cookies = response.cookies
  for (const name of names) {
    const values = name === 'set-cookie' ? withOwn(before, after, ownCookies) : valuesOf(name, after)
    if (values.length === 0) continue
    if (form === 'v2' && name === 'set-cookie') cookies = values
    else if (form === 'alb-multi' || (form === 'v1' && name === 'set-cookie')) multi[name] = values
    // A load balancer without multi-value headers takes one Set-Cookie: the session's, which is first.
    else single[name] = values[0]
  }
  return {
    ...response,
    ...whereUsed('headers', single, response.headers),
    ...whereUsed('multiValueHeaders', multi, response.multiValueHeaders),
    ...(cookies === undefined ? {} : { cookies }),
  }
}

/** The session's cookies, which come first, then all of the handler's. */
function withOwn(before: Headers, after: Headers, own: readonly string[]): readonly string[] {
  const [all, others] = [after.getSetCookie(), before.getSetCookie().length]
  return [...all.slice(0, all.length - others), ...own]
}

const isChanged = (name: string, before: Headers, after: Headers) =>
  before.has(name) !== after.has(name) || valuesOf(name, before).join('\n') !== valuesOf(name, after).join('\n')

function valuesOf(name: string, headers: Headers): readonly string[] {
  if (name === 'set-cookie') return headers.getSetCookie()
  const value = headers.get(name)
  return value === null ? [] : [value]
}

function without(map: unknown, names: ReadonlySet<string>): Record<string, unknown> {
  const kept = Object.entries(isFields(map) ? map : {}).filter(([name]) => !names.has(name.toLowerCase()))
  return Object.fromEntries(kept)
}

const whereUsed = (key: string, map: Fields, former: unknown): Fields =>
  former === undefined && Object.keys(map).length === 0 ? {} : { [key]: map }
