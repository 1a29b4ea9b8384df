import { type Finding, when } from '../finding.ts'
import type { MemcachedFacts } from './facts.ts'

/** A few may lie there still from before a change of the servers. */
const fewStrays = 3
const straysShare = 0.05

/** Whether every process finds a session where another has put it, and its copies on different servers. */
export function ringFindings({ servers, ring, nodes }: MemcachedFacts): readonly Finding[] {
  const isClear = ring.same.length === 0 && ring.several.length === 0
  return [
    ...ring.same.map(
      ([one, other]): Finding => ({
        ...({ code: 'same-server', level: 'error', node: one } as const),
        what: `It is the same server as ${other}.`,
        why: 'Both copies of a session lie on it, so its restart ends sessions that should have survived.',
        todo: 'Name every server once.',
      }),
    ),
    ...ring.several.map(
      (node): Finding => ({
        ...({ code: 'several-servers', level: 'error', node } as const),
        what: 'Behind this address several servers answer in turn.',
        why: 'A session is stored on one of them and looked for on another: users are logged out at random.',
        todo: 'Name each server by its own address, or find them all: MEMCACHED_SERVERS=dns:name:port with a headless service.',
      }),
    ),
    ...when(isClear && ring.misplaced, () => ({
      ...({ code: 'misplaced', level: 'error' } as const),
      what: 'A key that the store wrote is not on the server where its own hash looks for it.',
      why: 'Sessions are not found again, by this process or by the next.',
      todo: 'A hash of your own must give one key the same server every time, in every process: nothing random, no state.',
    })),
    ...strays({ servers, ring, nodes }),
    ...when(nodes.length > 1 && servers.copies === 1, () => ({
      ...({ code: 'one-copy', level: 'note' } as const),
      what: 'There are several servers, and one copy of each session.',
      why: 'A server that restarts takes its sessions along.',
      todo: 'Leave replicas out, or set 2.',
    })),
    ...when(nodes.length === 1, () => ({
      ...({ code: 'one-server', level: 'note' } as const),
      what: 'There is one server.',
      why: 'When it restarts, all sessions have ended.',
      todo: 'Add a second one: two copies of each session are then kept by themselves.',
    })),
  ]
}

function strays({ ring }: MemcachedFacts): readonly Finding[] {
  const all = [...ring.strays.values()]
  const [seen, stray] = [all.reduce((sum, one) => sum + one.seen, 0), all.reduce((sum, one) => sum + one.stray, 0)]
  return when(stray >= fewStrays && stray > seen * straysShare, () => ({
    ...({ code: 'ring-disagreement', level: 'warning' } as const),
    what: `Of ${seen} sessions looked at, ${stray} are not where these servers, in this hash, put them.`,
    why: 'Another process has another list of servers or another hash: it does not find the sessions of this one.',
    todo: 'Give every process the same servers by the same names and weights, and the same hash. After a change of the list this passes when idleSeconds are over: name the old list in previousServers.',
  }))
}
