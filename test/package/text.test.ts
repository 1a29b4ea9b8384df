import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { root, runOrThrow } from './support/command.ts'
import { entries } from './support/manifest.ts'
import { publicNames, readConfig } from './support/names.ts'
import { readSources } from './support/sources.ts'

/** Tracked files and those that would be added next; without the binary ones. */
const listing = await runOrThrow('git ls-files', 'git', [
  'ls-files',
  '-z',
  '--cached',
  '--others',
  '--exclude-standard',
])
const texts = new Map(
  listing
    .split('\0')
    .filter((path) => path !== '' && existsSync(join(root, path)))
    .map((path) => [path, readFileSync(join(root, path), 'utf8')] as const)
    .filter(([, text]) => !text.includes('\0')),
)

/** In two halves, so that this file does not hold what it looks for. */
const spelled = (...halves: readonly string[]) => halves.join('')
const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
const registry = new URL((await runOrThrow('npm config', 'npm', ['config', 'get', 'registry'])).trim()).host
/** Where this copy lives: in CI that is a folder nobody can name in advance. */
const folders = [
  '/wo'.concat('rk/'),
  '/ro'.concat('ot/'),
  '/ho'.concat('me/'),
  '/Us'.concat('ers/'),
  '/t'.concat('mp/'),
]

const places = (pattern: RegExp) =>
  [...texts].flatMap(([path, text]) =>
    text.split('\n').flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
  )

describe('no text holds', () => {
  test.each([
    ['paths of one machine', new RegExp(`(?<![\\w.)}\\]*-])(?:${folders.map(escaped).join('|')})\\w`)],
    ['the folder of this copy', new RegExp(`${escaped(root)}/`)],
    [
      'registry hosts',
      new RegExp(`${escaped(registry)}|${spelled('registry', '\\.')}[a-z]|${spelled('npmjs', '\\.org')}`),
    ],
    ['notes to self', new RegExp(`\\b(?:${spelled('TO', 'DO')}|${spelled('FIX', 'ME')}|${spelled('XX', 'X')})\\b`)],
    [
      'tests that keep others from running',
      new RegExp(`\\b(?:test|it|describe)\\.(?:\\w+\\.)*${spelled('on', 'ly')}\\b`),
    ],
  ])('%s', (_, pattern) => {
    expect(places(pattern)).toEqual([])
  })
})

test('the patterns find what they are for', () => {
  expect(texts.size).toBeGreaterThan(50)
  expect(places(/^import .* from 'vitest'$/).length).toBeGreaterThan(5)
})

test('links of the documents lead to files', () => {
  const documents = [...texts].filter(([path]) => path.endsWith('.md'))
  const links = documents.flatMap(([path, text]) =>
    [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => ({ path, target })),
  )
  const broken = links
    .filter(({ target }) => !/^[a-z]+:|^#/.test(target))
    .filter(({ path, target }) => !existsSync(join(root, dirname(path), target.replace(/#.*/, ''))))
  expect(broken).toEqual([])
})

test('every public name has a doc comment', () => {
  const source = (types: string) => join(root, types.replace('dist/', '').replace('.d.ts', '.ts'))
  const names = publicNames(
    entries.map(({ types }) => source(types)),
    readConfig(join(root, 'tsconfig.json')).options,
  )
  const undocumented = [...names].flatMap(([file, list]) =>
    list.filter((one) => !one.isDocumented).map(({ name }) => `${file.slice(root.length + 1)}: ${name}`),
  )
  expect([...new Set(undocumented)]).toEqual([])
})

test('no file of the library is longer than 250 lines', () => {
  const lengths = [...readSources('src', 'adapters')].map(
    ([path, text]) => [path, text.split('\n').length - 1] as const,
  )
  expect(lengths.filter(([, lines]) => lines > 250)).toEqual([])
})
