import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from '../run/command.ts'
import { runVitest } from '../run/vitest.ts'

const vitest = join(root, 'node_modules/vitest/vitest.mjs')
const run = (file: string, stillSeconds?: number) =>
  runVitest([process.execPath, vitest, 'run', '--config', 'test/run/fixture/vitest.config.ts', file], {
    ...{ isKept: true, ...(stillSeconds && { stillSeconds }) },
  })

describe('a run of Vitest', () => {
  it('that hangs is ended for standing still, and what it had counted counts (F36)', async () => {
    const { files, faults, output } = await run('hangs', 10)
    const tests = files.get('test/run/fixture/hangs.fixture.ts') ?? []
    expect(
      tests.map(({ status, title }) => [status, title]),
      output,
    ).toEqual([
      ['passed', 'passes'],
      ['failed', 'fails'],
      ['skipped', 'never begins'],
    ])
    const name = 'test/run/fixture/hangs.fixture.ts: a file > hangs, so that no deadline of its own can end it'
    expect(faults).toEqual([`Vitest hung: no test began or ended for 10 s; under way: ${name}`])
  })

  it('that comes to its end counts what never began, and names the hook that failed (F36)', async () => {
    const { files, faults, output } = await run('ends')
    const tests = files.get('test/run/fixture/ends.fixture.ts') ?? []
    expect(
      tests.map(({ status, title }) => [status, title]),
      output,
    ).toEqual([
      ['passed', 'passes'],
      ['skipped', 'never begins'],
    ])
    expect(faults).toEqual([
      expect.stringMatching(/^failed outside of its tests: test\/run\/fixture\/ends\.fixture\.ts Error: no server\n/),
    ])
  })
})
