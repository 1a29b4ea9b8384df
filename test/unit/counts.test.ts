import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { addFound, counts } from '../run/counts.ts'
import { foundIn, type Line } from '../run/lines.ts'

const folder = mkdtempSync(join(tmpdir(), 'claimcheck-counts-'))
afterAll(() => rmSync(folder, { recursive: true }))

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
