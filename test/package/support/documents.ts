import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './command.ts'

/** What a user reads, by path: the README and its pages. */
export const documents: ReadonlyMap<string, string> = new Map(
  ['README.md', ...pages()].map((path) => [path, readFileSync(join(root, path), 'utf8')] as const),
)

function pages(): readonly string[] {
  const names = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'))
  return names.map((name) => `docs/${name}`)
}

/** A program of a document. */
export interface Sample {
  /** `docs/redis.md:10`: where it begins. */
  readonly place: string
  readonly code: string
}

/** Every program of the documents, the README's first. */
export const samples: readonly Sample[] = [...documents].flatMap(([path, text]) =>
  [...text.matchAll(/^```ts\n(.*?)^```/gms)].map(({ index, 1: code = '' }) => ({
    place: `${path}:${text.slice(0, index).split('\n').length + 1}`,
    code,
  })),
)

/** The first program of a document. */
export function firstOf(path: string): string {
  const first = samples.find(({ place }) => place.startsWith(`${path}:`))
  if (!first) throw new Error(`${path} has no program`)
  return first.code
}

/** The targets of the links of a document, without those to other sites. */
export const linksOf = (text: string): readonly string[] =>
  [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target).filter((target) => !/^[a-z]+:/.test(target))
