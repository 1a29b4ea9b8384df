import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { isInstalled, type Runtime, runtimes } from '../runtimes/support/runtimes.ts'

const exec = promisify(execFile)
const find = (name: string) => runtimes.find((runtime) => runtime.name === name) as Runtime
const [bun, deno] = [find('bun'), find('deno')]

/** A whole application of its own: a session in memory, written and read. */
const program = `
import { createSessions } from 'claimcheck'
import { memoryStore } from 'claimcheck/memory'
import { self } from './self.ts'

const sessions = createSessions<{ n: number }>({ store: memoryStore(), secret: 'a secret of thirty-two characters!' })
const first = sessions.open(undefined)
first.session.set('n', 1)
const { setCookie = '' } = await first.commit()
const second = sessions.open(setCookie.split(';')[0])
console.log(self().name, await second.session.get('n'))
`

describe.skipIf(!isInstalled(bun))('bun add of the tarball', () => {
  let folder: string
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'claimcheck-bun-'))
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
    writeFileSync(join(folder, 'program.ts'), program)
    cpSync(join(import.meta.dirname, 'programs/self.ts'), join(folder, 'self.ts'))
    await exec(bun.program, ['add', inject('tarball')], { cwd: folder })
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('installs it with jose and without hono (F34)', () => {
    const manifest = (name: string) =>
      JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8'))
    const { name, dependencies } = manifest('claimcheck')
    expect([name, Object.keys(dependencies)]).toEqual(['claimcheck', ['jose']])
    expect([manifest('jose').name, existsSync(join(folder, 'node_modules/hono'))]).toEqual(['jose', false])
  })

  // The main entry has the middleware, which needs it.
  test('and hono beside it, at the oldest version admitted', async () => {
    await exec(bun.program, ['add', 'hono@4.2.0'], { cwd: folder })
  })

  test('and Bun runs a program on it', async () => {
    const { stdout } = await exec(bun.program, ['run', 'program.ts'], { cwd: folder })
    expect(stdout).toBe('Bun 1\n')
  })

  test.skipIf(!isInstalled(deno))('and so does Deno, which agrees with the types too', async () => {
    const { stdout } = await exec(deno.program, ['run', '-A', '--no-lock', '--check', 'program.ts'], { cwd: folder })
    expect(stdout).toBe('Deno 1\n')
  })
})
