import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { root, run } from './support/command.ts'
import { compile, forNode } from './support/compile.ts'
import { firstOf, samples } from './support/documents.ts'
import { consumer } from './support/packed.ts'
import { visitReadme } from './support/readme.ts'

/** Names that programs of the documents use without showing where they come from; global, so that one may also make its own. */
const granted = `
declare const app: import('hono').Hono<
  import('claimcheck/hono').SessionEnv<{ userId: string; cart: string[]; flash: string }>
>
declare const myStore: import('claimcheck').Store
declare const env: { SESSION_SECRET: string }
declare const request: Request
declare const it: { (name: string, run: () => Promise<void>): void; concurrent(name: string, run: () => Promise<void>, ms: number): void }
declare function checkPassword(c: import('hono').Context): Promise<{ id: string }>
`

/** The types of clients of the user's own: no peers of ours, so they are not installed where the package is. */
const clients = {
  ...Object.fromEntries(['redis', 'ioredis'].map((name) => [name, [typesOf(name)]])),
  ...Object.fromEntries(['express', 'express-serve-static-core'].map((name) => [name, [typesOf(`@types/${name}`)]])),
}

function typesOf(name: string): string {
  const folder = join(root, 'node_modules', name)
  return join(folder, JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).types)
}

test('every program of README.md and docs/ compiles, with what it takes for granted declared', async () => {
  expect(samples.length).toBeGreaterThan(12)
  // All at once: most of the time the compiler spends on what they import.
  const files = samples.map(({ place, code }) => ({
    name: `${place.replace(/\W/g, '-')}.ts`,
    text: `${code.replace("import { it } from 'vitest'", '')}\nexport {}\n`,
  }))
  for (const { name, text } of files) await writeFile(join(consumer, name), text)
  await writeFile(join(consumer, 'granted.d.ts'), granted)
  const imports = files.map(({ name }) => `import './${name.replace('.ts', '.js')}'\n`)
  const all = `/// <reference path="./granted.d.ts" />\n${imports.join('')}`
  // What the clients' own types are like is none of our business.
  const { output } = await compile('samples.ts', all, { ...forNode, paths: clients, skipLibCheck: true })
  expect(output).toBe('')
})

describe('the first program of the README', () => {
  const program = firstOf('README.md')

  test('compiles as it stands, strictly', async () => {
    expect(program).toContain('serve(app)')
    const { output } = await compile('server.mts', program, forNode)
    expect(output).toBe('')
  })

  test('runs, and keeps a cart for one browser', async () => {
    expect(await visitReadme(consumer)).toEqual({
      ...{ status: 303, cookieName: '__Host-sid', own: { cart: ['tea'] }, others: { cart: [] } },
    })
  })
})

test('the test file of docs/testing.md passes', async () => {
  await writeFile(join(consumer, 'app.test.mts'), firstOf('docs/testing.md'))
  const { code, output } = await run(process.execPath, ['--test', 'app.test.mts'], consumer)
  expect([code, output]).toEqual([0, output])
  expect(output).toMatch(/pass 2\b/)
})
