import { senderOf } from '../../adapters/stores/redis/clients.ts'
import type { RedisStoreOptions } from '../../adapters/stores/redis/index.ts'
import { type Finding, when } from '../finding.ts'
import type { Expected, Told } from './facts.ts'
import { count } from './facts.ts'

/** What a redis tells of itself. */
export interface RedisFacts {
  /** By the names of INFO; empty where it may not be asked. */
  readonly info: Told
  /** Some of CONFIG GET; empty where it may not be asked, as on most managed services. */
  readonly config: Told
  /** Everybody gets in without a password. */
  readonly isOpen: boolean
}

const patienceMs = 4000
const wanted = ['maxmemory', 'maxmemory-policy', 'save', 'appendonly', 'bind', 'protected-mode']

/** Asks redis through the application's own client, all at once: one that is silent costs the patience for one. What it may not be asked is left out. */
export async function lookAtRedis({ client }: RedisStoreOptions): Promise<RedisFacts> {
  const send = senderOf(client)
  const ask = (...command: readonly [string, ...string[]]): Promise<unknown> =>
    Promise.race([
      send(command, AbortSignal.timeout(patienceMs)),
      new Promise((_, reject) => setTimeout(reject, patienceMs).unref()),
    ]).catch(() => undefined)
  const settings = wanted.map(async (name) => [name, pairOf(await ask('CONFIG', 'GET', name), name)] as const)
  const [info, user, ...values] = await Promise.all([ask('INFO'), ask('ACL', 'GETUSER', 'default'), ...settings])
  const config = new Map(values.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])))
  return { info: infoOf(info), config, isOpen: JSON.stringify(user ?? '').includes('"nopass"') }
}

/** RESP2 answers with a list, RESP3 with a map. */
function pairOf(answer: unknown, name: string): string | undefined {
  const value = Array.isArray(answer)
    ? answer[1]
    : answer instanceof Map
      ? answer.get(name)
      : (answer as Readonly<Record<string, unknown>> | undefined)?.[name]
  return typeof value === 'string' ? value : undefined
}

function infoOf(answer: unknown): Told {
  const lines = typeof answer === 'string' ? answer.split(/\r?\n/) : []
  return new Map(lines.flatMap((one) => (/^\w+:/.test(one) ? [one.split(/:(.*)/, 2) as [string, string]] : [])))
}

const nearlyFull = 0.85
const loopback = /^(?:-?(?:127\.\S+|::1)\s*)+$/

/** Whether a redis keeps what it is given, and for whom. */
export function redisFindings({ info, config, isOpen }: RedisFacts, { idleSeconds }: Expected): readonly Finding[] {
  const most = count(info, 'maxmemory')
  const policy = info.get('maxmemory_policy') ?? config.get('maxmemory-policy')
  const evicts = most > 0 && policy !== undefined && policy !== 'noeviction'
  const share = most > 0 ? count(info, 'used_memory') / most : 0
  const isLost = config.get('save') === '' && config.get('appendonly') === 'no'
  const evicted = count(info, 'evicted_keys')
  return [
    ...when(info.get('role') === 'slave', () => ({
      ...({ code: 'redis-replica', level: 'error' } as const),
      what: 'It is a replica, which takes no writes.',
      why: 'Nobody can log in, and no session can be changed.',
      todo: 'Name the master, or use a cluster or sentinel client.',
    })),
    ...when(evicts, () => ({
      ...({ code: 'redis-evicts', level: 'warning' } as const),
      what: `It throws keys out when it is full (maxmemory-policy ${policy}).`,
      why: `Sessions, and what says that a session has ended, go before their ${idleSeconds} s are over.`,
      todo: 'Set maxmemory-policy to noeviction, with memory for all sessions; or keep other caches elsewhere.',
    })),
    ...when(evicted > 0, () => ({
      ...({ code: 'evicting', level: 'warning' } as const),
      what: `It has thrown ${evicted} keys out for want of memory.`,
      why: 'Every one may have been a session of somebody who was logged out by it.',
      todo: 'Give it more memory (maxmemory).',
    })),
    ...when(!evicts && share > nearlyFull, () => ({
      ...({ code: 'memory-full', level: 'warning' } as const),
      what: `Its memory is ${Math.round(share * 100)} % full, and it does not throw anything out.`,
      why: 'When it is full every login and every change is a 503.',
      todo: 'Give it more memory (maxmemory).',
    })),
    ...when(isOpen && config.has('bind') && !loopback.test(config.get('bind') ?? ''), () => ({
      ...({ code: 'redis-open', level: config.get('protected-mode') === 'yes' ? 'warning' : 'error' } as const),
      what: `Its default user has no password, and it listens on ${config.get('bind') || 'every address'}.`,
      why: 'Whoever reaches the port can delete all sessions, and with CONFIG write files on its machine.',
      todo: 'Set requirepass or a user of your own (ACL SETUSER), and bind it to a private address.',
    })),
    ...when(isLost, () => ({
      ...({ code: 'redis-not-durable', level: 'note' } as const),
      what: 'It writes nothing to disk (save "" and appendonly no).',
      why: 'When it restarts, all sessions have ended.',
      todo: 'Fine for sessions that may end; otherwise appendonly yes, or a replica that takes over.',
    })),
  ]
}
