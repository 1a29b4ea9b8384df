import { describe, expect, it } from 'vitest'
import { Collector } from '../../adapters/dashboard/collector.ts'
import { columns, counted, keptSeconds, positionOf } from '../../adapters/dashboard/columns.ts'
import { Histogram, milliseconds, RecentHistogram, recordBytes } from '../../adapters/dashboard/histogram.ts'
import { mostNotable } from '../../adapters/dashboard/notable.ts'
import { readSnapshot } from '../../adapters/dashboard/received.ts'
import { viewOf } from '../../adapters/dashboard/view.ts'
import type { AbsentReason, SessionEvent } from '../../src/events.ts'

const start = 1_800_000_000_000

function collecting() {
  const clock = { now: start }
  const collector = new Collector(() => clock.now)
  const { series } = collector
  return {
    ...{ clock, collector },
    tell: (...events: readonly SessionEvent[]) => events.forEach(collector.handle),
    total: (name: string) => series.totals[positionOf(name) as number],
    inRows: (name: string) =>
      series.rows(clock.now).reduce((sum, row) => sum + (row[1 + (positionOf(name) as number)] as number), 0),
  }
}

const hit: SessionEvent = { type: 'load', hit: true, ref: 'abcdefgh', durationMs: 2, roundTrips: 1 }
const miss = (reason: AbsentReason): SessionEvent => ({
  type: 'load',
  hit: false,
  reason,
  durationMs: 2,
  roundTrips: 1,
})

describe('what the dashboard knows', () => {
  it('tells losses apart by every reason, and counts each once', () => {
    const { tell, total, inRows, clock } = collecting()
    const reasons = [
      ...(['never-stored', 'refused', 'absolute', 'logged-out', 'regenerated'] as const),
      ...(['idle', 'evicted', 'given-up', 'rolled-back', 'corrupt', 'revoked'] as const),
    ]
    for (const [times, reason] of reasons.entries()) for (let i = 0; i <= times; i++) tell(miss(reason))
    tell(hit, hit)
    clock.now += 1000
    expect(reasons.map((reason) => total(`load:${reason}`))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    expect(reasons.map((reason) => inRows(`load:${reason}`))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    expect(total('load:hit')).toBe(2)
  })

  it('counts commits by what they came to, refusals and bad tokens', () => {
    const { tell, total } = collecting()
    for (const outcome of ['created', 'updated', 'updated', 'regenerated', 'destroyed'] as const)
      tell({ type: 'commit', outcome, bytes: 300, attempts: 1, durationMs: 3 })
    tell({ type: 'conflict', reason: 'overtaken' }, { type: 'gone', reason: 'logged-out' })
    tell({ type: 'unavailable', node: 'a:1', reason: 'refused' }, { type: 'bad-token', reason: 'signature' })
    const names = ['created', 'updated', 'regenerated', 'destroyed'].map((name) => `commit:${name}`)
    expect([...names, 'conflict', 'gone', 'unavailable', 'bad-token'].map(total)).toEqual([1, 2, 1, 1, 1, 1, 1, 1])
  })

  it('has rows of the last minutes only, and none of the second under way', () => {
    const { tell, inRows, total, clock } = collecting()
    tell(hit)
    expect(inRows('load:hit')).toBe(0)
    clock.now += 1000
    expect(inRows('load:hit')).toBe(1)
    clock.now += (keptSeconds - 2) * 1000
    expect(inRows('load:hit')).toBe(1)
    clock.now += 1000
    expect([inRows('load:hit'), total('load:hit')]).toEqual([0, 1])
  })

  it('keeps counting where the clock is put back', () => {
    const { tell, total, clock, collector } = collecting()
    tell(hit)
    clock.now -= 5000
    tell(hit)
    clock.now -= 3_600_000
    tell(hit)
    expect(total('load:hit')).toBe(3)
    expect(collector.series.rows(clock.now).length).toBeLessThan(keptSeconds)
  })

  it('leaves visitors without a session out of the times of loads', () => {
    const { tell, collector } = collecting()
    tell({ type: 'load', hit: false, reason: 'never-stored', durationMs: 0.01, roundTrips: 0 })
    expect(collector.verbs().load).toEqual([])
    tell(hit)
    expect(collector.verbs().load).toHaveLength(2)
  })

  it('does not grow: a hundred thousand events of every kind take no more room than a thousand', () => {
    const { tell, collector, clock } = collecting()
    const sizeAfter = (events: number) => {
      for (let i = 0; i < events; i++) {
        clock.now += 997
        tell(hit, miss('evicted'), { type: 'unavailable', node: `node-${i}:1`, reason: 'timeout' })
        tell({ type: 'commit', outcome: 'updated', bytes: 2 ** (i % 25), attempts: 1, durationMs: i % 70_000 })
      }
      const { series, notable, sizes } = collector
      expect(notable.list.length).toBe(mostNotable)
      return JSON.stringify([series.rows(clock.now), notable.list, sizes.toSparse(), collector.verbs()]).length
    }
    const early = sizeAfter(1000)
    expect(sizeAfter(24_000)).toBeLessThan(1.1 * early)
  })
})

describe('notable events', () => {
  it('are one line for the same again within ten seconds: a flood pushes nothing out', () => {
    const { tell, collector, clock } = collecting()
    tell({ type: 'node-given-up', node: 'a:1' })
    for (let i = 0; i < 5000; i++) {
      clock.now += 1
      tell({ type: 'bad-token', reason: 'malformed' }, { type: 'unavailable', node: 'a:1', reason: 'refused' })
    }
    expect(collector.notable.list.map(({ type, count }) => [type, count])).toEqual([
      ['node-given-up', 1],
      ['bad-token', 5000],
      ['unavailable', 5000],
    ])
    clock.now += 10_001
    tell({ type: 'unavailable', node: 'a:1', reason: 'refused' })
    expect(collector.notable.list.at(-1)).toMatchObject({ type: 'unavailable', count: 1 })
  })

  it('are losses and uses of a cookie after its end, not what is as it should be', () => {
    const { tell, collector } = collecting()
    for (const reason of ['idle', 'absolute', 'never-stored', 'refused'] as const) tell(miss(reason))
    tell(hit, { type: 'commit', outcome: 'created', bytes: 1, attempts: 1 })
    expect(collector.notable.list).toEqual([])
    for (const reason of ['evicted', 'logged-out', 'revoked'] as const) tell(miss(reason))
    expect(collector.notable.list.map(({ type, reason }) => [type, reason])).toEqual([
      ['no-session', 'evicted'],
      ['no-session', 'logged-out'],
      ['no-session', 'revoked'],
    ])
  })

  it('hold neither messages nor names of keys, only what is on their list', () => {
    const { tell, collector } = collecting()
    tell({ type: 'large', bytes: 9000, budgetBytes: 4096, keys: [{ name: 'CANARY', bytes: 8000 }], ref: 'abcdefgh' })
    tell({ type: 'too-large', message: 'CANARY has 70000 bytes' })
    tell({ type: 'legacy', outcome: 'imported' }, { type: 'legacy', outcome: 'refused', message: 'CANARY is a date' })
    tell({ type: 'secrets-kept', subject: 'CANARY', sid: 'CANARY' } as never)
    expect(collector.notable.list).toHaveLength(4)
    expect(collector.notable.list[2]).toMatchObject({ type: 'legacy', reason: 'refused' })
    expect(collector.notable.list[0]).toMatchObject({ type: 'large', bytes: 9000, ref: 'abcdefgh' })
    expect(JSON.stringify(collector.notable.list)).not.toContain('CANARY')
  })
})

describe('a histogram', () => {
  it('gives percentiles that are at most 15 % too high, and never too low', () => {
    const histogram = new Histogram(milliseconds)
    const values = Array.from({ length: 5000 }, (_, at) => 0.05 * 1.002 ** at)
    for (const value of values) histogram.add(value)
    for (const rank of [0.01, 0.5, 0.9, 0.99, 1]) {
      const exact = values[Math.ceil(rank * values.length) - 1] as number
      expect(histogram.quantile(rank)).toBeGreaterThanOrEqual(Math.min(exact, 60_000) * 0.999)
      if (exact < 50_000) expect(histogram.quantile(rank)).toBeLessThanOrEqual(exact * 1.151)
    }
  })

  it('takes zero, nonsense and what is far too large', () => {
    const histogram = new Histogram(recordBytes)
    for (const value of [0, -1, Number.NaN, 1e12]) histogram.add(value)
    expect(histogram.toSparse()).toEqual([0, 3, recordBytes.buckets - 1, 1])
    expect(new Histogram(recordBytes).quantile(0.5)).toBe(0)
  })

  it('of the last minutes forgets what is older', () => {
    const recent = new RecentHistogram(milliseconds)
    recent.add(1, start)
    expect(recent.toSparse(start + 60_000)).toHaveLength(2)
    expect(recent.toSparse(start + 120_000)).toEqual([])
    recent.add(1, start + 120_000)
    expect(recent.toSparse(start + 600_000)).toEqual([])
  })
})

describe('several processes', () => {
  const snapshotOf = (
    process: string,
    events: readonly SessionEvent[],
    node = { node: 'a:1', up: true, items: 10 },
  ) => {
    const { collector, tell, clock } = collecting()
    tell(...events)
    clock.now += 1000
    const { series, notable, sizes } = collector
    return {
      ...{ format: 1 as const, process, store: 'memcached', since: start, now: clock.now, ready: true },
      ...{ rows: series.rows(clock.now), totals: [...series.totals], verbs: collector.verbs(), commands: [] },
      ...{ sizes: sizes.toSparse(), nodes: [node], notable: notable.list },
    }
  }

  it('are added up, and one that is listed twice counts once', () => {
    const one = snapshotOf('one', [hit, hit, miss('evicted')])
    const two = snapshotOf('two', [hit, miss('idle')], { node: 'a:1', up: false, items: 10 })
    const view = viewOf(
      [
        { name: 'this process', snapshot: one },
        { name: 'one:80', snapshot: one },
        { name: 'two:80', snapshot: two },
        { name: 'three:80', error: 'no answer in time' },
      ],
      start + 1000,
    )
    expect(view.processes.map(({ name, error }) => [name, error])).toEqual([
      ['this process', undefined],
      ['two:80', undefined],
      ['three:80', 'no answer in time'],
    ])
    const of = (name: string) => view.totals[positionOf(name) as number]
    expect([of('load:hit'), of('load:evicted'), of('load:idle')]).toEqual([3, 1, 1])
    expect(view.rows).toHaveLength(1)
    expect(view.rows[0]?.[1 + (positionOf('load:hit') as number)]).toBe(3)
    expect(view.verbs.load?.count).toBe(5)
    expect(view.nodes).toMatchObject([{ node: 'a:1', up: false, upIn: 1, knownIn: 2 }])
  })

  it('are believed only as far as what they tell has the form of a snapshot', () => {
    const good = snapshotOf('one', [hit, miss('corrupt')])
    const told = JSON.parse(JSON.stringify(good))
    expect(readSnapshot({ ...told, extra: '<script>' })).toEqual(told)
    const bad: readonly object[] = [
      ...[{ format: 2 }, { process: 1 }, { rows: [[1, 2]] }, { rows: 'x' }, { totals: [1] }, { sizes: [99, 1] }],
      ...[{ sizes: [1] }, { verbs: { load: [0, -1] } }, { nodes: [null] }, { nodes: [{ node: 'x'.repeat(301) }] }],
      ...[{ notable: Array(mostNotable + 1).fill(good.notable[0]) }, { now: 'soon' }, { since: null }],
    ]
    for (const change of bad) expect(() => readSnapshot({ ...told, ...change })).toThrow('not')
    for (const nothing of [null, 1, 'x', []]) expect(() => readSnapshot(nothing)).toThrow('not')
  })

  it('have as many columns as are counted and timed, each with a name of its own', () => {
    expect(new Set(columns).size).toBe(columns.length)
    expect(columns.length).toBe(counted.length + 4)
  })
})
