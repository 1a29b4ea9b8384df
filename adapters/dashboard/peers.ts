import { need } from '../../src/checks.ts'
import { readSnapshot } from './received.ts'
import type { Snapshot } from './snapshot.ts'

/** Another process of the fleet, by the address of its dashboard. */
export interface Peer {
  /** The host and port of its address: how the page names it. */
  readonly name: string
  /** Rejects where it does not answer in time, or with something else. */
  ask(): Promise<Snapshot>
}

/** The page shows every second what is new; a peer that is slower is shown as away. */
const peerMs = 1500
/** Fifty times what a process tells that has much to tell. */
const mostBytes = 4_000_000

/** Checks the addresses, once; throws `SessionOptionsError`. */
export function peersOf(peers: readonly (string | URL)[], token: string): readonly Peer[] {
  return peers.map((peer, at) => {
    const url = URL.parse(peer)
    need(
      url !== null && /^https?:$/.test(url.protocol),
      `peers[${at}] must be the http or https address of a dashboard`,
    )
    const { host, username, password } = url as URL
    need(username === '' && password === '', `peers[${at}] must have no user name and password: set peerToken`)
    const address = new URL(`${(url as URL).pathname.replace(/\/$/, '')}/snapshot`, url as URL)
    return { name: host, ask: () => askPeer(address, token) }
  })
}

async function askPeer(address: URL, token: string): Promise<Snapshot> {
  const response = await fetch(address, {
    // The token is for this host and no other, and no cookie goes along.
    ...{ redirect: 'error', credentials: 'omit', cache: 'no-store' },
    headers: { Authorization: `Bearer ${token}`, Accept: 'application/json' },
    signal: AbortSignal.timeout(peerMs),
  })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`it answers ${response.status}`)
  }
  return readSnapshot(JSON.parse(await bounded(response)))
}

/** The text of a body that is no longer than it may be. */
async function bounded({ body }: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const chunk of body ?? []) {
    bytes += chunk.length
    if (bytes > mostBytes) throw new Error('its answer is too long')
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

/** Whether a request names the token; takes as long for every wrong one. */
export async function namesToken(authorization: string | undefined, token: string): Promise<boolean> {
  const [given, wanted] = await Promise.all([digest(authorization ?? ''), digest(`Bearer ${token}`)])
  return given.reduce((differing, byte, at) => differing | (byte ^ (wanted[at] as number)), 0) === 0
}

const digest = async (text: string) =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
