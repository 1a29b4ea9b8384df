import { StoreUnavailableError } from '../../src/errors.ts'
import { revisionOf } from '../../src/record/revision.ts'
import { isTombstone } from '../../src/record/tombstone.ts'
import type { Entry, Store } from '../../src/store.ts'
import type { Operation, Reply, SimulatedNode } from './node.ts'
import type { VirtualTime } from './virtual-time.ts'

/** The deadline of one call, as the memcached drivers have it. */
const callMs = 250
/** Within so many milliseconds a doomed process dies: the first copy may be superseded then, and the second not. */
const lastMs = 25

/** What is wrong between processes and nodes. */
export interface Weather {
  /** Share of replies to writes that get lost. */
  loseReplies: number
  /** `process-node` pairs that are cut. */
  readonly cut: Set<string>
  /** `process-node` pairs on which half of all replies get lost. */
  readonly lossy: Set<string>
  /** What waits on the links that stand still, by `process-node`: it arrives when they move again. */
  readonly stuck: Map<string, (() => void)[]>
  /** Processes that die when they supersede next, and those that have. */
  readonly doomed: Set<number>
  readonly dead: Set<number>
  /** What was sent into a cut arrives when it heals, or never. */
  readonly isHeld: boolean
  /** Sent into a cut, by node. */
  readonly held: Map<number, (() => void)[]>
  /** For the trace of one schedule. */
  say?(line: string): void
}

interface Pending {
  reject(error: Error): void
  cancel(): void
  readonly askAgain: (() => void) | undefined
}

/**
 * One process's connection to one node, as a Store with the drivers' rules: calls of one connection arrive in order, a fault ends the
 * connection with all calls on it, versions are bound to it.
 */
export function connect(
  time: VirtualTime,
  weather: Weather,
  process: number,
  index: number,
  node: SimulatedNode,
): Store {
  let epoch = 0
  let life = node.life
  let lastArrival = 0
  let pending = new Set<Pending>()
  const name = `n${index}`
  const link = `${process}-${index}`
  const isCut = () => weather.cut.has(link)
  const isLost = (isWrite: boolean) =>
    (weather.lossy.has(link) && time.random() < 0.5) ||
    (isWrite && weather.loseReplies > 0 && time.random() < weather.loseReplies)

  const breakOff = (of: number, reason: string, late?: Pending) => {
    if (of !== epoch) return
    epoch++
    life = node.life
    lastArrival = 0
    const failed = pending
    pending = new Set()
    for (const call of failed) {
      call.cancel()
      // As the text client: a read that died with its connection, not by its own time, is asked once more on a fresh one.
      if (call.askAgain && call !== late) call.askAgain()
      else call.reject(new StoreUnavailableError(reason, { node: name }))
    }
  }

  node.connections.push(() => {
    const mine = epoch
    time.after(1, () => breakOff(mine, 'closed the connection'))
  })

  const send = (operation: Operation, isRetry = false): Promise<Reply & { epoch: number }> =>
    new Promise((resolve, reject) => {
      const mine = epoch
      const of = life
      const call: Pending = {
        reject,
        cancel: time.after(callMs, () => breakOff(mine, 'did not answer in time', call)),
        askAgain:
          operation.type === 'get' && !isRetry ? () => void send(operation, true).then(resolve, reject) : undefined,
      }
      pending.add(call)
      const answer = (reply: Reply) => {
        if (!pending.delete(call)) return
        call.cancel()
        resolve({ ...reply, epoch: mine })
      }
      const deliver = () => {
        if (!node.isUp || node.life !== of) return void time.after(1, () => breakOff(mine, 'reset the connection'))
        if (node.isPaused) return void node.waiting.push(deliver)
        const reply = node.apply(operation)
        weather.say?.(
          `  n${index} ${operation.type} ${operation.key.slice(-4)} of p${process}: ${reply.status} ${sketch(reply, operation)}`,
        )
        if (isLost(operation.type !== 'get') || isCut()) return
        const back = () => time.after(latency(time), () => weather.dead.has(process) || answer(reply))
        const stuck = weather.stuck.get(link)
        if (stuck) stuck.push(back)
        else back()
      }
      const arrive = () => {
        const stuck = weather.stuck.get(link)
        if (stuck) return void stuck.push(arrive)
        if (!isCut()) return deliver()
        if (weather.isHeld) weather.held.set(index, [...(weather.held.get(index) ?? []), deliver])
      }
      if (weather.dead.has(process)) return
      if (operation.type === 'cas' && isTombstone(operation.value) && weather.doomed.delete(process))
        time.after(time.random() * lastMs, () => weather.dead.add(process))
      lastArrival = Math.max(time.now + latency(time), lastArrival + 0.01)
      time.after(lastArrival - time.now, arrive)
    })

  return storeOver(name, send, () => epoch)
}

/** Revision and iv of what was found or written, enough to follow a record through a trace. */
function sketch(reply: Reply, operation: Operation): string {
  const value = reply.status === 'value' ? reply.value : 'value' in operation ? operation.value : undefined
  if (!value) return ''
  const text = [...value.subarray(12, 14)].join('.')
  return isTombstone(value)
    ? `tombstone ${revisionOf(value) % 100000} ${text}`
    : `${revisionOf(value) % 100000} ${text}`
}

const latency = (time: VirtualTime) => 1 + Math.floor(time.random() * 12)

function storeOver(
  name: string,
  send: (operation: Operation) => Promise<Reply & { epoch: number }>,
  epochNow: () => number,
): Store {
  const version = (reply: { epoch: number; cas: number }) => `${reply.epoch}:${reply.cas}`
  return {
    name,
    async read(key): Promise<Entry | null> {
      const reply = await send({ type: 'get', key })
      return reply.status === 'value' ? { value: reply.value.slice(), version: version(reply) } : null
    },
    async create(key, value) {
      const reply = await send({ type: 'add', key, value: value.slice() })
      return reply.status === 'stored' ? { status: 'stored', version: version(reply) } : { status: 'taken' }
    },
    async update(key, value, _ttlSeconds, given) {
      const [epoch, cas] = given.split(':').map(Number)
      if (epoch !== epochNow()) return { status: 'conflict' }
      const reply = await send({ type: 'cas', key, value: value.slice(), cas: cas as number })
      if (reply.status === 'stored') return { status: 'stored', version: version(reply) }
      return { status: reply.status === 'missing' ? 'missing' : 'conflict' }
    },
    async delete(key, { tombstone } = {}) {
      await send(tombstone ? { type: 'set', key, value: tombstone.value.slice() } : { type: 'delete', key })
    },
    isCurrent: (given) => Number(given.split(':')[0]) === epochNow(),
  }
}
