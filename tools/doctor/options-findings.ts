import { SessionOptionsError } from '../../src/errors.ts'
import { checkOptions, type SessionOptions } from '../../src/options.ts'
import type { Settings } from '../../src/request/exchange.ts'
import type { Times } from '../../src/request/lifetime.ts'
import { type Finding, when } from '../finding.ts'
import type { Given } from '../given.ts'
import { looksTyped } from './looks-typed.ts'

/** What the options come to, where they are good. */
export interface CheckedOptions {
  readonly settings: Settings | undefined
  readonly findings: readonly Finding[]
}

/** Whether the options, or the variables in their place, are such that sessions can begin, and fit each other. */
export function checkGiven({ options, store, problems }: Given, isProduction: boolean): CheckedOptions {
  const refused = problems.map(({ message }) => refusal(message))
  const settings = problems.length > 0 ? undefined : attempt(options)
  if (typeof settings === 'string') return { settings: undefined, findings: [refusal(settings)] }
  const found = [
    ...refused,
    ...secretFindings(options.secret),
    ...when(store?.name === 'memory', () => memory),
    ...(settings ? timeFindings(settings) : []),
    ...when(options.cookie?.insecure === true && isProduction, () => insecure),
  ]
  return { settings, findings: found }
}

function attempt(options: Partial<SessionOptions>): Settings | string {
  try {
    return checkOptions(options as SessionOptions)
  } catch (error) {
    if (error instanceof SessionOptionsError) return error.message
    throw error
  }
}

/** The library's own words say what is wrong and what to do. */
function refusal(message: string): Finding {
  const isSecret = /^(SESSION_SECRET|secret)/.test(message)
  const isStore = /^no session store/.test(message)
  return {
    ...({ code: isSecret ? 'secret-refused' : isStore ? 'no-store' : 'options-refused', level: 'error' } as const),
    what: `${message}.`,
    why: 'The application does not start with this.',
    todo: isSecret
      ? 'Set one that was drawn at random: npx claimcheck keygen.'
      : 'Correct it; docs/options.md has every option and variable.',
  }
}

const memory: Finding = {
  ...({ code: 'memory-store', level: 'warning' } as const),
  what: 'Sessions are kept in the memory of the process.',
  why: 'A restart ends them all, and a second process knows nothing of them.',
  todo: 'Good for development. Elsewhere set MEMCACHED_SERVERS, or UPSTASH_REDIS_REST_URL and _TOKEN.',
}

const insecure: Finding = {
  ...({ code: 'cookie-insecure', level: 'error' } as const),
  what: 'cookie.insecure is set, and NODE_ENV is production.',
  why: 'The cookie travels over plain http, where everybody on the way can take it and be that user.',
  todo: 'Leave cookie.insecure out, and serve by https.',
}

function secretFindings(secret: SessionOptions['secret'] | undefined): readonly Finding[] {
  const list: readonly unknown[] = Array.isArray(secret) ? secret : [secret]
  const texts = list.map((one) => (typeof one === 'object' && one !== null && 'secret' in one ? one.secret : one))
  return when(
    texts.some((text) => typeof text === 'string' && looksTyped(text)),
    () => ({
      ...({ code: 'secret-typed', level: 'warning' } as const),
      what: 'A secret looks like words that somebody typed.',
      why: 'Whoever guesses it makes claim checks of his own, and one cookie is enough to try guesses on at home.',
      todo: 'Draw one at random (npx claimcheck keygen), and rotate: [old, new], then [new, old].',
    }),
  )
}

/** Two days without a browser being closed are not to be expected. */
const longSeconds = 172_800

function timeFindings({ persistent, requestMs, lifetimes, ...times }: Settings): readonly Finding[] {
  const all: [string, Times][] = [['', { ...times, persistent }], ...Object.entries(lifetimes)]
  return all.flatMap(([name, { absoluteSeconds, persistent: isKept }]) =>
    when(absoluteSeconds > longSeconds && !isKept, () => ({
      ...({ code: 'cookie-ends-first', level: 'warning' } as const),
      what: `${name === '' ? 'Sessions' : `Sessions of the lifetime ${name}`} last ${absoluteSeconds} s, and their cookie ends with the browser.`,
      why: 'Users are logged out when they close it, long before their session ends, and its record stays.',
      todo: `Set ${name === '' ? 'cookie.persistent' : `lifetimes.${name}.persistent`}, or a shorter absoluteSeconds.`,
    })),
  )
}

/** Whether one call of the store may take longer than all of a request's together. */
export function deadlineFindings({ requestMs }: Settings, callMs: number): readonly Finding[] {
  return when(callMs > requestMs, () => ({
    ...({ code: 'deadlines', level: 'warning' } as const),
    what: `One call may take ${callMs} ms, and all store work of a request ${requestMs} ms together.`,
    why: 'A server that hangs is never noticed as such: every request ends by its own limit first, and none is sent elsewhere.',
    todo: 'Set requestMs to twice callMs or more.',
  }))
}
