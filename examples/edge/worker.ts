/**
 * A Worker in front of a container: it turns forged claim checks away and forwards the rest.
 *
 * Secret, namespace and cookie are those of the container, the store stays there: the Worker reads the signature and nothing else.
 * So it knows what the ticket says and no more. A session that was logged out elsewhere still has a well signed ticket, which
 * passes here; the container notices. Nothing depends on this Worker either: the container verifies each ticket again.
 *
 * When the secret is rotated, tell the Worker first: a ticket that it does not know it refuses.
 */
import { createVerifier, type Verifier } from 'claimcheck'

interface Bindings {
  /** Where the container listens. */
  readonly UPSTREAM: string
  readonly SESSION_SECRET: string
}

/** One per env object, so that the keys are derived once and not for every request. */
const verifiers = new WeakMap<Bindings, Verifier>()

const edge = {
  /** Without a usable secret this throws, and nothing is forwarded. */
  async fetch(request: Request, env: Bindings): Promise<Response> {
    const ticket = await verifierOf(env)(request.headers.get('Cookie'))
    if (ticket.status === 'bad') {
      console.warn(`a ticket was refused: ${ticket.reason}`)
      return refuse('This ticket is not valid. Please start again.', clearCookie)
    }
    if (ticket.status === 'absent' && isProtected(request)) return refuse('Please log in first.')
    return forward(request, env.UPSTREAM)
  },
}

function verifierOf(env: Bindings): Verifier {
  const verifier = verifiers.get(env) ?? createVerifier({ secret: env.SESSION_SECRET })
  verifiers.set(env, verifier)
  return verifier
}

/** Saves the trip for those who have no ticket at all. No guard: the container has that, and may spell paths in more ways. */
const isProtected = (request: Request) => /^\/account(?:\/|$)/.test(new URL(request.url).pathname)

/** Without it a browser whose ticket has expired would be refused until it is closed. */
const clearCookie = '__Host-sid=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax'

function refuse(text: string, setCookie?: string): Response {
  const headers = new Headers({ 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' })
  if (setCookie !== undefined) headers.set('Set-Cookie', setCookie)
  return new Response(`${text}\n`, { status: 401, headers })
}

/** Both bodies are streamed. The answer goes back as it came: its redirect is for the browser, and so are its cookies. */
async function forward(request: Request, upstream: string): Promise<Response> {
  const asked = new URL(request.url)
  // Not `new URL(path, upstream)`: the path `//elsewhere/` would name another host.
  const target = new URL(upstream)
  target.pathname = asked.pathname
  target.search = asked.search
  const { method, body } = request
  try {
    return await fetch(target, { method, body, headers: forwarded(request, asked), redirect: 'manual' })
  } catch {
    // An outage, so no word about the cookie. Whether the request arrived is not known: it is not sent again.
    return new Response('The counter is closed for a moment.\n', { status: 502, headers: { 'Retry-After': '1' } })
  }
}

/** `Host` becomes that of the container. What the client itself says about a way it came is not believed. */
function forwarded(request: Request, asked: URL): Headers {
  const headers = new Headers(request.headers)
  for (const name of ['Forwarded', 'X-Forwarded-For', 'X-Forwarded-Port']) headers.delete(name)
  headers.set('X-Forwarded-Host', asked.host)
  headers.set('X-Forwarded-Proto', asked.protocol.slice(0, -1))
  const client = request.headers.get('CF-Connecting-IP')
  if (client !== null) headers.set('X-Forwarded-For', client)
  return headers
}

// biome-ignore lint/style/noDefaultExport: the entry of a Worker is its default export
export default edge
