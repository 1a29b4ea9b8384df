import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { root } from '../run/command.ts'
import { addReport, counts } from '../run/counts.ts'

const folder = mkdtempSync(join(tmpdir(), 'claimcheck-counts-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('what a run came to: every test counted, every failure named with its reason', () => {
  const file = join(folder, 'report.json')
  const of = (status: string, title: string, failureMessages: string[] = []) => ({
    ...{ status, title, ancestorTitles: ['a store'], failureMessages },
  })
  const testResults = [
    {
      ...{ name: join(root, 'test/a.test.ts'), status: 'failed' },
      assertionResults: [of('passed', 'keeps'), of('skipped', 'waits'), of('failed', 'counts', ['expected 1 to be 2'])],
    },
    { name: join(root, 'test/b.test.ts'), status: 'failed', message: 'no such module', assertionResults: [] },
  ]
  writeFileSync(file, JSON.stringify({ testResults }))
  addReport(file, false)
  expect(counts).toEqual({
    ...{ passed: 1, failed: 2, skipped: 1 },
    failures: [
      'test/a.test.ts: a store > counts\n  expected 1 to be 2',
      'failed outside of its tests: test/b.test.ts no such module',
    ],
  })
  addReport(join(folder, 'never-written.json'), false)
  expect(counts.failures.at(-1)).toBe('the test run failed outside of its tests')
})
