import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
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

/** One that did would be asked for before it is there, wherever it is loaded first. */
test('what the core imports of a runtime imports nothing of the core', async () => {
  const core = await readFile(join(root, 'dist/shared/core.js'), 'utf8')
  const asked = Object.keys(manifest.imports).filter((name) => core.includes(`from "${name}"`))
  expect(asked).toEqual(['#crypto', '#tracing'])
  const parts = new Set(asked.flatMap((name) => Object.values(manifest.imports[name] ?? {})))
  for (const part of parts) expect(await readFile(join(root, part), 'utf8'), part).not.toMatch(/from "[^"]*shared\//)
})
