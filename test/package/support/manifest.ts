import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './command.ts'

/** What the tests look at in package.json. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>
  readonly imports: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional?: boolean }>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly scripts: Readonly<Record<string, string>>
}

export const manifest: Manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** Code entries by the name to import: `claimcheck`, `claimcheck/memory` and so on. */
export const entries: readonly { readonly specifier: string; readonly types: string }[] = Object.entries(
  manifest.exports,
).flatMap(([subpath, target]) =>
  typeof target === 'string' ? [] : [{ specifier: `${manifest.name}${subpath.slice(1)}`, types: target.types }],
)
