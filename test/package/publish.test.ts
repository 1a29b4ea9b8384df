import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { root, run } from './support/command.ts'
import { jsrName, jsrWorkspace } from './support/jsr.ts'
import { manifest } from './support/manifest.ts'
import { tarball } from './support/packed.ts'

test('npm publish --dry-run takes the package as it is', async () => {
  // The registry is only asked whether there is such a version; where it cannot be reached, that is no reason to fail.
  const flags = ['--dry-run', '--ignore-scripts', '--json', '--fetch-retries=0']
  const { code, stdout, output } = await run('npm', ['publish', ...flags, tarball])
  expect([code, output]).toEqual([0, output])
  expect(output).not.toMatch(/auto-corrected|errors in your package/)
  const { name, version, files } = JSON.parse(stdout)[manifest.name]
  expect([name, version]).toEqual([manifest.name, manifest.version])
  const wanted =
    /^(package\.json|(README|CHANGELOG|CONTRIBUTING|SECURITY)\.md|docs\/.+\.(md|svg)|LICENSE|src\/store\.ts|adapters\/stores\/memory\.ts|examples\/.+|dist\/(src|adapters|shared|test\/conformance)\/.+\.(js|d\.ts)|dist\/tools\/.+\.js)$/
  const paths: readonly string[] = files.map(({ path }: { path: string }) => path)
  expect(paths.filter((path) => !wanted.test(path))).toEqual([])
  for (const target of Object.values(manifest.exports))
    if (typeof target !== 'string') for (const path of Object.values(target)) expect(paths).toContain(path.slice(2))
})

const deno = join(root, 'test/runtimes/node_modules/.bin/deno')
const isHere = existsSync(deno)
if (!isHere) console.warn('SKIPPED: deno publish: run npm ci in test/runtimes')

describe.skipIf(!isHere)('on JSR', () => {
  let folder: string
  let library: string
  let app: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'claimcheck-jsr-'))
    ;({ library, app } = await jsrWorkspace(folder))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test('deno publish --dry-run takes the sources, slow types included', async () => {
    const { code, output } = await run(deno, ['publish', '--dry-run', '--allow-dirty'], library)
    const text = stripVTControlCharacters(output)
    expect([code, text]).toEqual([0, text])
    expect(text).toContain('Success')
    expect(text).toContain('slow types')
    expect(text).not.toMatch(/^(warning|error)/im)
    const paths = [...text.matchAll(/file:\/\/\S+\/library\/(\S+)/g)].map(([, path]) => path as string)
    const wanted =
      /^((src|adapters|test\/conformance)\/.+\.(ts|json)|deno\.json|README\.md|CHANGELOG\.md|docs\/.+\.(md|svg)|LICENSE)$/
    expect(paths).toContain('src/index.ts')
    expect(paths.filter((path) => !wanted.test(path))).toEqual([])
  })

  test('a Deno program imports every entry by name and keeps a session', async () => {
    const entries = Object.entries(manifest.exports).flatMap(([subpath, target]) =>
      typeof target === 'string' ? [] : [`${jsrName}${subpath.slice(1)}`],
    )
    const program = `
${entries.map((name, at) => `import * as entry${at} from '${name}'`).join('\n')}
import { createSessions } from '${jsrName}'
import { memoryStore } from '${jsrName}/memory'
const sessions = createSessions<{ cart: string[] }>({ store: memoryStore(), secret: 'a secret of 32 bytes at the least' })
const first = sessions.open(undefined)
first.session.set('cart', ['tea'])
const { setCookie } = await first.commit()
const second = sessions.open(setCookie?.split(';')[0])
const cart = await second.session.get('cart')
const counts = [${entries.map((_, at) => `Object.keys(entry${at}).length`).join(', ')}]
console.log(JSON.stringify({ cart, empty: counts.filter((count) => count === 0).length, runtime: 'Deno' in globalThis }))
`
    await writeFile(join(app, 'program.ts'), program)
    const { code, stdout, output } = await run(deno, ['run', '--check', '--no-lock', '--allow-env', 'program.ts'], app)
    expect([code, output]).toEqual([0, output])
    expect(JSON.parse(stdout)).toEqual({ cart: ['tea'], empty: 0, runtime: true })
  })
})
