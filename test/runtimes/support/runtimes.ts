import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the runtimes, with an installation of its own. */
export const folder: string = fileURLToPath(new URL('..', import.meta.url))
/** The project. */
export const root: string = join(folder, '../..')

/** A runtime and how it is started. */
export interface Runtime {
  /** As on the command line and in the table. */
  readonly name: string
  /** What it calls itself: `Node 22`. */
  readonly says: string
  /** The program; one that is not there is not installed. */
  readonly program: string
  /** What runs a TypeScript file, with the program in front. */
  readonly run: readonly string[]
  /** What runs Vitest, with the program in front. */
  readonly vitest: readonly string[]
}

const installed = (path: string) => join(folder, 'node_modules', path)
/** What Vitest is started by. */
export const vitestPath: string = join(root, 'node_modules/vitest/vitest.mjs')

function node(name: string, says: string, program: string): Runtime {
  return { name, says, program, run: [], vitest: [vitestPath, 'run'] }
}

/** In the order of the table. The Node that runs this is the one of the main folder. */
export const runtimes: readonly Runtime[] = [
  node('node22', 'Node 22', installed('node22/bin/node')),
  node('node24', 'Node 24', process.execPath),
  node('node26', 'Node 26', installed('node26/bin/node')),
  {
    ...{ name: 'bun', says: 'Bun', program: installed('.bin/bun'), run: ['run'] },
    // Worker processes of Bun have no channel as Vitest uses it.
    vitest: ['--bun', vitestPath, 'run', '--pool=threads'],
  },
  {
    ...{ name: 'deno', says: 'Deno', program: installed('.bin/deno'), run: ['run', '-A', '--no-lock'] },
    vitest: ['run', '-A', '--no-lock', vitestPath, 'run'],
  },
  { ...node('workerd', 'workerd', process.execPath), program: process.execPath },
]

/** Whether it can be started at all; where not, why. */
export function isInstalled({ name, program }: Runtime): boolean {
  return existsSync(name === 'workerd' ? installed('.bin/workerd') : program)
}

/** `workerd 2026-10-23`: a Worker cannot tell, its binary can. */
export function workerdVersion(): string {
  return execFileSync(installed('.bin/workerd'), ['--version'], { encoding: 'utf8' }).trim()
}
