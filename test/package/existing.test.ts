import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { run } from './support/command.ts'
import { tarball } from './support/packed.ts'
import { visitReadme } from './support/readme.ts'

const exec = promisify(execFile)

/** What is in an app before sessions come to it. */
const apps: readonly (readonly string[])[] = [
  ['hono@4.2.7', '@hono/node-server@1.11.0'],
  ['hono@4.6.0', '@hono/node-server@1.13.5'],
  ['hono@4.12.25', '@hono/node-server@2.1.0'],
  ['express@5.1.0'],
]

/** npm neither warned of a peer, nor sees one in the folder that does not fit. */
async function expectNoPeerAmiss(output: string, folder: string): Promise<void> {
  expect(output).not.toMatch(/peer|ERESOLVE/i)
  const { code, output: tree } = await run('npm', ['ls', '--all', '--prefix', folder], folder)
  expect([code, tree]).toEqual([0, expect.not.stringMatching(/invalid|UNMET DEPENDENCY/)])
}

test('npm installs it with express at once: no hono, and no warning of a peer (F34)', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'claimcheck-express-'))
  try {
    await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
    const flags = ['--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline']
    const { code, output } = await run('npm', ['install', ...flags, tarball, 'express@5.1.0'], folder)
    expect([code, output]).toEqual([0, output])
    await expectNoPeerAmiss(output, folder)
    for (const name of ['hono', '@hono', 'redis', 'memjs', '@upstash', '@opentelemetry'])
      expect([name, existsSync(join(folder, 'node_modules', name))]).toEqual([name, false])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test.each(apps)('npm installs it into an app that has %s, and brings no hono of its own (F34)', async (...packages) => {
  const folder = await mkdtemp(join(tmpdir(), 'claimcheck-existing-'))
  try {
    await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
    const flags = ['--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline']
    await exec('npm', ['install', ...flags, ...packages], { cwd: folder })
    const { code, output } = await run('npm', ['install', ...flags, tarball], folder)
    expect([code, output]).toEqual([0, output])
    await expectNoPeerAmiss(output, folder)
    const hasHono = packages.some((name) => name.startsWith('hono@'))
    expect(existsSync(join(folder, 'node_modules/hono'))).toBe(hasHono)
    const program = "const { session } = await import('claimcheck/node'); console.log(typeof session)"
    const { stdout } = await exec(process.execPath, ['--input-type=module', '--eval', program], { cwd: folder })
    expect(stdout).toBe('function\n')
    // The program of the README, with that hono and that server.
    if (hasHono)
      expect(await visitReadme(folder)).toEqual({
        ...{ status: 303, cookieName: '__Host-sid', own: { cart: ['tea'] }, others: { cart: [] } },
      })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
