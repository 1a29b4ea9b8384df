import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)

/** Whether the packages of this folder are there. */
export const isInstalled: boolean = existsSync(fileURLToPath(new URL('./node_modules', import.meta.url)))
if (!isInstalled) console.warn('SKIPPED: frameworks and packages: run npm ci in test/frameworks')

/** A package as it is published, from this folder. Its types are none of our business here. */
// biome-ignore lint/suspicious/noExplicitAny: whatever the package exports.
export function load(name: string): any {
  return require(name)
}
