import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { expect, test } from 'vitest'
import { root, run } from './support/command.ts'
import { manifest } from './support/manifest.ts'

test('a build that goes well prints nothing, so that a warning is seen', async () => {
  // What it writes goes beside these links, and not under the tests of others.
  const folder = await mkdtemp(join(tmpdir(), 'claimcheck-build-'))
  const [, bundling = ''] = manifest.scripts.build?.split(' && ') ?? []
  for (const name of ['package.json', 'node_modules', 'src', 'adapters', 'tools', 'test', bundling.split(' ')[1] ?? ''])
    await symlink(join(root, name), join(folder, name))
  const path = [join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter)
  const { code, output } = await run('env', [`PATH=${path}`, 'sh', '-c', bundling], folder)
  expect([code, output]).toEqual([0, ''])
  await rm(folder, { recursive: true })
})
