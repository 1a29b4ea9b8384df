import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, expect, test, vi } from 'vitest'
import { addFound, counts } from '../run/counts.ts'
import { foundIn, type Line } from '../run/lines.ts'
import { watchFor } from '../run/vitest.ts'

const folder = mkdtempSync(join(tmpdir(), 'claimcheck-counts-'))
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(() => void vi.useRealTimers())

const ended = (id: string, status: string, title: string, failureMessages: string[] = []): Line => ({
  ...{ ended: 'test', id, place: 'test/a.test.ts' },
  test: { status, title, ancestorTitles: ['a store'], failureMessages },
})
const file = join(folder, 'lines')
const write = (...lines: readonly Line[]) =>
  appendFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))

test('what a run came to: every test counted, every failure named with its reason', () => {
  write(
    { began: 'test', id: '1', name: 'keeps' },
    ended('1', 'passed', 'keeps'),
    ended('2', 'skipped', 'waits'),
    ended('3', 'failed', 'counts', ['expected 1 to be 2']),
    { ended: 'file', id: 'b', place: 'test/b.test.ts', hasFailed: true, errors: ['no such module'] },
  )
  addFound(foundIn(file))
  expect(counts).toEqual({
    ...{ passed: 1, failed: 2, skipped: 1 },
    failures: [
      'test/a.test.ts: a store > counts\n  expected 1 to be 2',
      'failed outside of its tests: test/b.test.ts no such module',
    ],
  })
})

test('what a run that was ended had under way, half a line or not (F36)', () => {
  write({ began: 'file', id: 'c', name: 'test/c.test.ts' })
  expect(foundIn(file)).toMatchObject({ hasEnded: false, underWay: ['test/c.test.ts'] })
  write({ began: 'test', id: '4', name: 'test/c.test.ts: hangs' })
  appendFileSync(file, '{"ended":"te')
  expect(foundIn(file)).toMatchObject({ hasEnded: false, underWay: ['test/c.test.ts: hangs'] })
  expect(foundIn(join(folder, 'never written'))).toMatchObject({ files: new Map(), faults: [], underWay: [] })
})

test('a run hangs where it stands still, and not where it takes long (F36)', () => {
  vi.useFakeTimers()
  const lines = join(folder, 'growing')
  const onStill = vi.fn()
  const watch = watchFor(lines, 10, onStill)
  for (let second = 0; second < 900; second += 9) {
    appendFileSync(lines, '.')
    vi.advanceTimersByTime(9000)
  }
  expect([watch.isStill(), onStill.mock.calls.length]).toEqual([false, 0])
  vi.advanceTimersByTime(60_000)
  expect([watch.isStill(), onStill.mock.calls.length]).toEqual([true, 1])
  watch.stop()
})
