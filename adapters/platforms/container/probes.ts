import type { Store, StoreHealth } from '../../../src/store.ts'

/** Answers what is asked of the container itself; undefined where the request is for the application. */
export type Probes = (request: Request) => Promise<Response> | undefined

/** What has been counted, in Prometheus' text form. */
export type Metrics = () => string | Promise<string>

const prometheusType = 'text/plain; version=0.0.4; charset=utf-8'

/** A balancer asks every few seconds and waits about as long; a store that needs more than this cannot serve a request either. */
const deadlineMs = 1000

/**
 * `/livez`: 200 while the process answers at all; the store is not asked, because restarting this process would not mend it.
 * `/readyz`: 200 where sessions can be read and written and no stop has begun, else 503; the body is the health of each node.
 * `/metrics`: where there are any.
 */
export function createProbes(store: Store, isStopping: () => boolean, metrics?: Metrics): Probes {
  const health = healthOf(store)
  const readiness = async (request: Request): Promise<Response> => {
    // Not asked once a stop has begun: the store may be closed already.
    const { ready, nodes } = isStopping() ? nothing : await health()
    const isReady = ready && !isStopping()
    return answer(isReady, isDirect(request) ? { ready: isReady, stopping: isStopping(), nodes } : { ready: isReady })
  }
  return function probe(request) {
    // The end of the text first: taking an URL apart costs more than all the rest here, and every request comes this way.
    const { url, method } = request
    const isOurs = url.endsWith('/livez') || url.endsWith('/readyz') || (metrics && url.endsWith('/metrics'))
    if (!isOurs || (method !== 'GET' && method !== 'HEAD')) return undefined
    const { pathname } = new URL(url)
    if (pathname === '/metrics' && metrics) return measured(request, metrics)
    if (pathname === '/livez') return Promise.resolve(answer(true, { alive: true }))
    return pathname === '/readyz' ? readiness(request) : undefined
  }
}

/** They name servers and say how busy the application is: nothing for visitors. */
async function measured(request: Request, metrics: Metrics): Promise<Response> {
  const headers = { 'Cache-Control': 'no-store' }
  if (!isDirect(request)) return new Response(null, { status: 404, headers })
  try {
    return new Response(await metrics(), { headers: { ...headers, 'Content-Type': prometheusType } })
  } catch {
    return new Response(null, { status: 503, headers })
  }
}

const nothing: StoreHealth = { ready: false, nodes: [] }

/** Asks the store once for all who wait, so that a flood of probes is no flood of commands. */
function healthOf(store: Store): () => Promise<StoreHealth> {
  let asking: Promise<StoreHealth> | undefined
  const check = async () => store.check?.() ?? { ready: true, nodes: [] }
  const ask = async (): Promise<StoreHealth> => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<StoreHealth>((resolve) => {
      timer = setTimeout(resolve, deadlineMs, nothing)
    })
    return Promise.race([check().catch(() => nothing), late]).finally(() => clearTimeout(timer))
  }
  return () => {
    asking ??= ask().finally(() => {
      asking = undefined
    })
    return asking
  }
}

/** What proxies add to the requests of others (RFC 9110 section 7.6.3, RFC 7239) and leave out of their own probes. */
const addedByProxies = ['via', 'forwarded', 'x-forwarded-for']

/** Addresses of nodes are for those who stand beside the container, not for visitors that an ingress lets through. */
const isDirect = ({ headers }: Request) => !addedByProxies.some((name) => headers.has(name))

const answer = (isGood: boolean, body: object) =>
  Response.json(body, { status: isGood ? 200 : 503, headers: { 'Cache-Control': 'no-store' } })
