import type { Context } from 'hono'
import { need, refuseUnknown } from '../../src/checks.ts'
import { checkSecrets } from '../../src/crypto/keys.ts'
import { SessionOptionsError } from '../../src/errors.ts'
import type { Settings } from '../../src/request/exchange.ts'
import { type Sessions, settingsOf } from '../../src/sessions.ts'
import { type Peer, peersOf } from './peers.ts'

/** Options of {@link dashboard}; unknown names are refused. */
export interface DashboardOptions {
  /** What `createSessions` gave; `session(sessions)` makes an app use the same. */
  readonly sessions: Sessions<object>
  /**
   * Who may look, asked for every request: true lets it through, anything else is a 403. A `Response` is sent instead, for example to
   * the login.
   */
  // biome-ignore lint/suspicious/noExplicitAny: an app's own environment, as in Hono's own handlers.
  readonly authorize: (c: Context<any>) => boolean | Response | Promise<boolean | Response>
  /** Addresses of the dashboards of other processes, whose numbers are added; this one may be among them. Needs `peerToken`. */
  readonly peers?: readonly (string | URL)[] | undefined
  /**
   * At least 32 random bytes as text, the same in all processes and used for nothing else: who names it in a header is told the numbers of
   * this process. Without it they are for nobody but who is authorized.
   */
  readonly peerToken?: string | undefined
}

/** Checked options. */
export interface DashboardSettings {
  readonly sessions: Sessions<object>
  readonly settings: Settings
  readonly authorize: DashboardOptions['authorize']
  readonly peers: readonly Peer[]
  readonly peerToken: string | undefined
}

const names: readonly (keyof DashboardOptions)[] = ['sessions', 'authorize', 'peers', 'peerToken']
/** Every one is asked every second, while somebody looks. */
const mostPeers = 50

export function checkOptions(options: DashboardOptions): DashboardSettings {
  refuseUnknown(options, names, 'option of dashboard:')
  const { sessions, authorize, peers = [], peerToken } = options
  const settings = typeof sessions === 'object' && sessions !== null ? settingsOf(sessions) : undefined
  need(settings !== undefined, 'sessions must be what createSessions gave')
  need(typeof authorize === 'function', 'authorize must be a function that says who may look: there is no default')
  need(Array.isArray(peers) && peers.length <= mostPeers, `peers must be a list of at most ${mostPeers} addresses`)
  need(peers.length === 0 || peerToken !== undefined, 'peers need peerToken: the same secret in all processes')
  if (peerToken !== undefined) checkToken(peerToken, settings as Settings)
  return {
    ...{ sessions, settings: settings as Settings, authorize, peerToken },
    peers: peersOf(peers, peerToken ?? ''),
  }
}

function checkToken(token: string, { secrets }: Settings): void {
  // A header has ASCII only; the rest is what is asked of every secret.
  need(
    typeof token === 'string' && /^[\x21-\x7e]{32,1024}$/.test(token),
    'peerToken must be a text of 32 to 1024 ASCII characters',
  )
  const [bytes] = checked(token)
  const isUsed = Array.isArray(secrets) && secrets.some((one) => `${one.bytes}` === `${bytes}`)
  need(!isUsed, 'peerToken must not be the secret of the sessions: it travels')
}

/** As every secret is, named as it is called here. */
function checked(token: string): readonly Uint8Array[] {
  try {
    return checkSecrets(token)
  } catch (error) {
    throw new SessionOptionsError((error as Error).message.replace(/^secret/, 'peerToken'))
  }
}
