import type { NodeHealth } from '../../src/store.ts'
import { columns, counted, keptSeconds, type Row } from './columns.ts'
import type { CommandTimes } from './commands.ts'
import { milliseconds, recordBytes, type Scale, type Sparse } from './histogram.ts'
import { mostNotable, type Notable } from './notable.ts'
import type { Snapshot } from './snapshot.ts'

/** More than any process tells of. */
const mostNodes = 200
const mostCommands = 500

type Fields = Readonly<Record<string, unknown>>

/**
 * A snapshot that came over the network, taken apart and put together again, so that nothing else gets to the page: lists no longer than
 * our own, numbers that are numbers, and short texts. Throws where it is something else.
 */
export function readSnapshot(given: unknown): Snapshot {
  const fields = objectOf(given)
  if (fields.format !== 1) throw new Error('not a snapshot of this format')
  return {
    ...{ format: 1, process: textOf(fields.process), store: textOf(fields.store), ready: fields.ready === true },
    ...{ since: numberOf(fields.since), now: numberOf(fields.now) },
    rows: listOf(fields.rows, keptSeconds).map((row) => numbersOf(row, columns.length + 1) as Row),
    totals: numbersOf(fields.totals, counted.length),
    verbs: Object.fromEntries(
      Object.entries(objectOf(fields.verbs))
        .slice(0, 10)
        .map(([verb, sparse]) => [textOf(verb), sparseOf(sparse, milliseconds)]),
    ),
    commands: listOf(fields.commands, mostCommands).map(commandOf),
    sizes: sparseOf(fields.sizes, recordBytes),
    nodes: listOf(fields.nodes, mostNodes).map(nodeOf),
    notable: listOf(fields.notable, mostNotable).map(notableOf),
  }
}

function commandOf(given: unknown): CommandTimes {
  const { node, command, times } = objectOf(given)
  return { node: textOf(node), command: textOf(command), times: sparseOf(times, milliseconds) }
}

function nodeOf(given: unknown): NodeHealth {
  const { node, up, ...rest } = objectOf(given)
  const texts = ['reason', 'version', 'protocol'].flatMap((name) =>
    rest[name] === undefined ? [] : [[name, textOf(rest[name])]],
  )
  const numbers = ['latencyMs', 'items', 'evictions', 'hitRatio', 'outMs'].flatMap((name) =>
    rest[name] === undefined ? [] : [[name, numberOf(rest[name])]],
  )
  return { node: textOf(node), up: up === true, ...Object.fromEntries([...texts, ...numbers]) }
}

function notableOf(given: unknown): Notable {
  const { at, type, reason, node, ref, bytes, count } = objectOf(given)
  return {
    ...{ at: numberOf(at), type: textOf(type), count: numberOf(count) },
    ...{ reason: optional(reason, textOf), node: optional(node, textOf), ref: optional(ref, textOf) },
    bytes: optional(bytes, numberOf),
  }
}

const optional = <Value>(given: unknown, read: (given: unknown) => Value) =>
  given === undefined ? undefined : read(given)

function objectOf(given: unknown): Fields {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new Error('not an object')
  return given as Fields
}

function listOf(given: unknown, most: number): readonly unknown[] {
  if (!Array.isArray(given) || given.length > most) throw new Error('not a list, or too long')
  return given
}

function numberOf(given: unknown): number {
  if (typeof given !== 'number' || !Number.isFinite(given)) throw new Error('not a number')
  return given
}

/** Names and addresses are short. */
function textOf(given: unknown): string {
  if (typeof given !== 'string' || given.length > 300) throw new Error('not a short text')
  return given
}

function numbersOf(given: unknown, length: number): readonly number[] {
  if (!Array.isArray(given) || given.length !== length) throw new Error('not a row')
  return given.map(numberOf)
}

function sparseOf(given: unknown, { buckets }: Scale): Sparse {
  const sparse = listOf(given, 2 * buckets).map(numberOf)
  const isGood =
    sparse.length % 2 === 0 && sparse.every((value, at) => isCount(value) && (at % 2 === 1 || value < buckets))
  if (!isGood) throw new Error('not a histogram')
  return sparse
}

const isCount = (value: number) => Number.isSafeInteger(value) && value >= 0
