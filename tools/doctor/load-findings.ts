import { type Finding, when } from '../finding.ts'
import { count, type Expected, type MemcachedFacts, type NodeFacts, overClasses } from './facts.ts'

/** A session of some keys, sealed, with what memcached keeps beside it. */
export const usualItemBytes = 1024
/** memcached begins to evict before the last page is full, because every size has pages of its own. */
const usable = 0.85
/** A rolling deployment runs the old processes beside the new. */
const perProcess = 2

/** Whether a server has room for what it is to keep, and has had it so far. */
export function loadFindings(one: NodeFacts, expected: Expected): readonly Finding[] {
  if (one.stats.size === 0) return []
  return [...evictions(one, expected), ...refusals(one), ...fullness(one), ...connections(one, expected)]
}

function evictions({ node, stats, items }: NodeFacts, { idleSeconds }: Expected): readonly Finding[] {
  const evicted = count(stats, 'evictions')
  const ages = overClasses(items, 'evicted_time').filter((_, at) => (overClasses(items, 'evicted')[at] ?? 0) > 0)
  const age = ages.length === 0 ? undefined : Math.min(...ages)
  const isEarly = age === undefined || age < idleSeconds
  return when(evicted > 0, () => ({
    ...({ code: isEarly ? 'evicting' : 'evicted-late', level: isEarly ? 'warning' : 'note', node } as const),
    what: `It has thrown ${evicted} items out for want of memory; the last had not been used for ${age ?? 'an unknown number of'} s.`,
    why: isEarly
      ? `Sessions live for ${idleSeconds} s unused: users were logged out before their time.`
      : `Sessions live for ${idleSeconds} s unused, so they had ended or nearly so; but there is no room for more.`,
    todo: 'Give it more memory (-m), or add a server; and keep sessions small.',
  }))
}

const refused = ({ stats, items }: NodeFacts) =>
  count(stats, 'store_no_memory') + overClasses(items, 'outofmemory').reduce((sum, one) => sum + one, 0)

function refusals(one: NodeFacts): readonly Finding[] {
  const { node } = one
  return when(refused(one) > 0, () => ({
    ...({ code: 'out-of-memory', level: 'error', node } as const),
    what: 'It has refused to store something, because its memory was full.',
    why: 'A login or a change that it refuses is a 503 for its user.',
    todo: 'Give it more memory (-m), or add a server.',
  }))
}

/** Before anything has come of it. */
function fullness(one: NodeFacts): readonly Finding[] {
  const { node, stats } = one
  const share = count(stats, 'bytes') / count(stats, 'limit_maxbytes')
  return when(share > usable && count(stats, 'evictions') === 0 && refused(one) === 0, () => ({
    ...({ code: 'memory-full', level: 'warning', node } as const),
    what: `Its memory is ${Math.round(share * 100)} % full.`,
    why: 'Soon sessions will be thrown out before their time, those that were idle longest first.',
    todo: 'Give it more memory (-m), or add a server.',
  }))
}

function connections({ node, stats }: NodeFacts, { processes }: Expected): readonly Finding[] {
  const [most, used] = [count(stats, 'max_connections'), count(stats, 'curr_connections')]
  const refused = count(stats, 'rejected_connections') + count(stats, 'listen_disabled_num')
  const needed = processes * perProcess
  const todo = `Raise -c: ${processes} processes need ${needed}, with those of a deployment beside them, and others on this server their own.`
  return [
    ...when(refused > 0, () => ({
      ...({ code: 'connections-refused', level: 'warning', node, todo } as const),
      what: `It has turned connections away (${refused} times), at its limit of ${most}.`,
      why: 'A process that is turned away answers its users with 503.',
    })),
    ...when(most > 0 && refused === 0 && most < Math.max(needed, used), () => ({
      ...({ code: 'connections-few', level: 'warning', node, todo } as const),
      what: `It takes ${most} connections, of which ${used} are used now.`,
      why: 'The processes beyond that number are turned away, and answer their users with 503.',
    })),
  ]
}

/** Whether all servers together hold as many sessions as are expected; only where their number was said. */
export function roomFindings({ nodes, servers, ring }: MemcachedFacts, { sessions }: Expected): readonly Finding[] {
  const room = roomFor({ nodes, servers, ring })
  return when(sessions !== undefined && room !== undefined && room < sessions, () => ({
    ...({ code: 'room-for-fewer', level: 'warning' } as const),
    what: `The servers have room for about ${room} sessions, and ${sessions} are expected.`,
    why: 'Sessions will be thrown out before their time, those that were idle longest first.',
    todo: `Give them ${Math.ceil((sessions ?? 0) / Math.max(room ?? 1, 1))} times the memory (-m), or add servers.`,
  }))
}

/** Sessions of the size of those looked at, in the copies that are kept of each; undefined where no server tells. */
export function roomFor({ nodes, servers, ring }: MemcachedFacts): number | undefined {
  const memory = nodes.reduce((sum, { stats }) => sum + count(stats, 'limit_maxbytes'), 0)
  if (memory === 0) return undefined
  return Math.floor((memory * usable) / (ring.itemBytes ?? usualItemBytes) / servers.copies)
}
