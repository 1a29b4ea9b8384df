import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Outcome, root, run } from './command.ts'
import { consumer } from './packed.ts'

const strict = {
  target: 'es2023',
  module: 'nodenext',
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  outDir: 'out',
  rootDir: '.',
}

/** What a program for Node is compiled with beside that. */
export const forNode: object = {
  lib: ['es2024', 'dom', 'dom.iterable'],
  types: ['node'],
  typeRoots: [join(root, 'node_modules/@types')],
}

/** Compiles a file of the consumer, strictly, against the package as it is installed there. */
export async function compile(file: string, code: string, options: object): Promise<Outcome> {
  const config = `${file}.json`
  await writeFile(join(consumer, file), code)
  await writeFile(join(consumer, config), JSON.stringify({ compilerOptions: { ...strict, ...options }, files: [file] }))
  return run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', config], consumer)
}
