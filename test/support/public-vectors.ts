import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Where test data of others is looked for: it is not part of this repository, see the licences there. */
const folder = process.env.CLAIMCHECK_VECTORS ?? fileURLToPath(new URL('../../../shared/vectors', import.meta.url))

/** A file of public test vectors, parsed; undefined, with a loud word, where it is not there. */
export function publicVectors<Vectors>(file: string, what: string): Vectors | undefined {
  const path = `${folder}/${file}`
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as Vectors
  console.warn(`SKIPPED: ${what} are not at ${path}. Set CLAIMCHECK_VECTORS to the folder that holds ${file}.`)
  return undefined
}
