import { applyToHeaders, cacheControlByDefault, type MoreHeaders } from './response-headers.ts'

/** Where it is noted that the answer depends on Authorization, too. */
const byAuthorization: unique symbol = Symbol('claimcheck.authorization')

/** The part of Hono's context that an answer goes through. */
export interface Answering {
  /** Whether there is an answer already. */
  readonly finalized: boolean
  /** What a handler threw. */
  readonly error: Error | undefined
  /** Whether it depends on Authorization, too. */
  [byAuthorization]?: boolean
  get res(): Response
  set res(response: Response | undefined)
}

const noCookies: readonly string[] = []

/** From its first use on the answer says that it depends on Authorization, too. */
export function markByAuthorization(c: object): void {
  ;(c as Answering)[byAuthorization] = true
}

/**
 * From the first use of a session on every answer says that it depends on the cookie, before anything else sees it: a `cache()`
 * inside of the session would serve it to others.
 *
 * Not by `c.header()` alone: Hono drops what that has prepared where a handler returns a `Response` of its own or names another
 * `Vary`, and taking hold of `c.res` beforehand would cost each answer a copy.
 */
export function tellFromNowOn(c: Answering): true {
  if (c.finalized) writeTo(c, noCookies)
  const accessor = Object.hasOwn(c, 'res') ? undefined : accessorOf(Object.getPrototypeOf(c))
  if (accessor) Object.defineProperty(c, 'res', accessor)
  return true
}

/** After the commit a first use comes too late, unless what looks at the session is the answer to an error that came later still. */
export function tellErrorsOnly(c: Answering): boolean {
  return c.error !== undefined && tellFromNowOn(c)
}

const accessors = new WeakMap<object, PropertyDescriptor>()

/** One accessor for all contexts: with one each, every context would have a hidden class of its own in the engine. */
function accessorOf(prototype: object): PropertyDescriptor | undefined {
  const known = accessors.get(prototype)
  if (known) return known
  const { get, set } = Object.getOwnPropertyDescriptor(prototype, 'res') ?? {}
  if (!get || !set) return undefined
  const accessor: PropertyDescriptor = {
    ...{ configurable: true, enumerable: false, get },
    set(this: Answering, response) {
      const own = response?.headers.get('Cache-Control') ?? undefined
      set.call(this, response)
      if (response) writeTo(this, noCookies, own)
    },
  }
  accessors.set(prototype, accessor)
  return accessor
}

/**
 * Writes what is due for a session. Leaves 101 and `Response.error()` alone, copies an answer with immutable headers.
 *
 * `own`: the Cache-Control of the answer itself. Looks at status and headers only: anything else, `type` for one, takes
 * @hono/node-server off its fast path.
 */
export function writeTo(
  c: Answering,
  setCookies: readonly string[],
  own?: string,
  tokenHeaders?: MoreHeaders['tokenHeaders'],
): void {
  const more = c[byAuthorization] ? { isByAuthorization: true, tokenHeaders } : undefined
  const { res } = c
  if (res.status === 101 || res.status === 0) return
  try {
    write(res.headers, setCookies, own, more)
  } catch {
    // Its body is in use already: a timeout() outside has answered in its place.
    if (res.bodyUsed || res.body?.locked) return
    const copy = new Response(res.body, res)
    write(copy.headers, setCookies, own, more)
    c.res = undefined
    c.res = copy
  }
}

/** Hono has copied the headers of the answer before onto this one: our default must not outrank what it says itself. */
function write(
  headers: Headers,
  setCookies: readonly string[],
  own: string | undefined,
  more: MoreHeaders | undefined,
): void {
  if (own !== undefined && headers.get('Cache-Control') === cacheControlByDefault) headers.set('Cache-Control', own)
  applyToHeaders(headers, setCookies, more)
}
