import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from '../runtimes/support/runtimes.ts'

/** A project that has the packed package installed, with the programs of this folder in it. */
export interface Consumer {
  readonly folder: string
  /** A module inside the package: says where its own imports lead. */
  readonly probe: string
  [Symbol.dispose](): void
}

const run = promisify(execFile)
const peers = ['@hono', '@redis', '@upstash', 'hono', 'jose', 'memjs', 'redis']
const programs = join(import.meta.dirname, 'programs')

/** Unpacks the package as a registry's client would. */
export async function makeConsumer(tarball: string): Promise<Consumer> {
  const folder = mkdtempSync(join(tmpdir(), 'claimcheck-blackbox-'))
  const modules = join(folder, 'node_modules')
  mkdirSync(join(modules, 'claimcheck'), { recursive: true })
  await run('tar', ['-xzf', tarball, '-C', join(modules, 'claimcheck'), '--strip-components=1'])
  for (const peer of peers) symlinkSync(join(root, 'node_modules', peer), join(modules, peer))
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  for (const file of readdirSync(programs)) cpSync(join(programs, file), join(folder, file))
  for (const name of ['hono', 'session'])
    writeFileSync(join(folder, `${name}.mjs`), `export { handler } from './lambda-${name}.ts'\n`)
  const probe = join(modules, 'claimcheck/probe.js')
  writeFileSync(probe, "export const crypto = import.meta.resolve('#crypto').split('/').at(-1)\n")
  return { folder, probe, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) }
}

/**
 * Packs the package as it would be published: the path of the tarball, in this folder.
 *
 * From a copy of the sources, because `prepack` removes and builds `dist`, which others may be using.
 */
export async function pack(into: string): Promise<string> {
  const copy = join(into, 'project')
  mkdirSync(join(copy, 'test'), { recursive: true })
  const files = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'bundle.ts', 'LICENSE']
  for (const name of ['README', 'CHANGELOG', 'CONTRIBUTING', 'SECURITY']) files.push(`${name}.md`)
  for (const path of [...files, 'docs', 'src', 'adapters', 'tools', 'examples', 'test/conformance'])
    cpSync(join(root, path), join(copy, path), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  const { stdout } = await run('npm', ['pack', copy, '--silent', '--pack-destination', into], { cwd: into })
  return join(into, stdout.trim().split('\n').at(-1) ?? '')
}
