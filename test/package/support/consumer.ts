import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { runOrThrow } from './command.ts'
import { manifest } from './manifest.ts'

/** What was packed and installed, or why that did not work. */
export type Packed =
  | {
      /** The packed package, as it would be published. */
      readonly tarball: string
      /** An otherwise empty project with that package and its peers installed. */
      readonly consumer: string
    }
  | { readonly error: string }

declare module 'vitest' {
  export interface ProvidedContext {
    packed: Packed
  }
}

/** The oldest version that a peer range admits: what we promise to work with is what is tested here. */
const floor = (name: string) => `${name}@${/[\d.]+/.exec(manifest.peerDependencies[name] ?? '')?.[0]}`

/**
 * Packs the package once and installs it into an empty project, for all files in this folder.
 *
 * What goes wrong is handed on to them: thrown here, it would keep the tests of every project from running.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'claimcheck-package-'))
  project.provide('packed', await packInto(folder).catch((error: Error) => ({ error: error.message })))
  return () => rm(folder, { recursive: true, force: true })
}

async function packInto(folder: string): Promise<Packed> {
  const tarball = await pack(folder)
  return { tarball, consumer: await install(tarball, join(folder, 'consumer')) }
}

/** A whole run has packed it already: packing builds anew, which must not happen under the tests of others. */
async function pack(folder: string): Promise<string> {
  const { CLAIMCHECK_TARBALL } = process.env
  if (CLAIMCHECK_TARBALL) return CLAIMCHECK_TARBALL
  await runOrThrow('packing', 'npm', ['pack', '--silent', '--pack-destination', folder])
  return join(folder, `${manifest.name}-${manifest.version}.tgz`)
}

async function install(tarball: string, folder: string): Promise<string> {
  await mkdir(folder)
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  const peers = Object.keys(manifest.peerDependencies).map(floor)
  // `--prefix`, because npm tells its scripts, and this is run by one, to stay in the project they started from.
  const flags = ['--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline']
  const command = ['install', ...flags, tarball, ...peers]
  await runOrThrow('installing the packed package, which needs the npm registry', 'npm', command, folder)
  const installed = await readFile(join(folder, 'node_modules', manifest.name, 'package.json'), 'utf8')
  if (JSON.parse(installed).version !== manifest.version) throw new Error('another version was installed')
  return folder
}
