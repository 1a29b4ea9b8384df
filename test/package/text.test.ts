import { existsSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { findingCodes } from '../support/finding-codes.ts'
import { root, runOrThrow } from './support/command.ts'
import { documents, linksOf } from './support/documents.ts'
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

/** As GitHub makes the anchor of a heading. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')
const anchorsIn = (text = '') => [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading))

test('links of the documents lead to files, and to headings in them', () => {
  const pages = [...texts].filter(([path]) => path.endsWith('.md'))
  const links = pages.flatMap(([path, text]) => linksOf(text).map((target) => ({ path, target })))
  expect(links.length).toBeGreaterThan(50)
  const broken = links.filter(({ path, target }) => {
    const [file = '', anchor] = target.split('#')
    const to = file === '' ? path : posix.join(posix.dirname(path), file)
    return !existsSync(join(root, to)) || (anchor !== undefined && !anchorsIn(texts.get(to)).includes(anchor))
  })
  expect(broken).toEqual([])
})

describe('the documents tell of', () => {
  const documented = (path: string, name: string) => documents.get(path)?.includes(`\`${name}\``) === true
  const missing = (path: string, names: readonly string[]) => {
    expect(names.length).toBeGreaterThan(0)
    expect(names.filter((name) => !documented(path, name))).toEqual([])
  }
  const source = (path: string) => texts.get(path) ?? ''
  const literals = (text: string) => [...text.matchAll(/'([a-z-]+)'/g)].map(([, word = '']) => word)
  /** The body of a declaration, without its comments. */
  const declaration = (path: string, start: string) => {
    const text = source(path).split(start)[1] ?? ''
    return (/^[^\n]*\n?(?:[ ].*\n|\n(?=[ ]))*/.exec(text)?.[0] ?? '').replace(/\/\*\*.*?\*\//gs, '')
  }

  test('everything that doctor finds', () => {
    const codes = [...findingCodes()]
    expect(codes.length).toBeGreaterThan(40)
    missing('docs/operating.md', codes)
  })

  test('every event, error code and reason', () => {
    const types = [...source('src/events.ts').matchAll(/\btype: '([a-z-]+)'/g)].map(([, type = '']) => type)
    missing('docs/events.md', types)
    missing('docs/events.md', literals(declaration('src/events.ts', 'type BadTokenReason =')))
    for (const name of ['AbsentReason', 'ConflictReason'])
      missing('docs/events.md', literals(declaration('src/events.ts', `type ${name} =`)))
    missing('docs/dashboard.md', literals(declaration('src/events.ts', 'type AbsentReason =')))
    missing('docs/events.md', literals(declaration('src/errors.ts', 'type SessionErrorCode =')))
    missing('docs/events.md', literals(declaration('src/errors.ts', 'type UnavailableReason =')))
    missing(
      'docs/events.md',
      [...source('src/errors.ts').matchAll(/class (Session\w+)/g)].map(([, name = '']) => name),
    )
  })

  const members = (path: string, name: string) =>
    [...declaration(path, `interface ${name} `).matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, member = '']) => member)

  test.each([
    ['src/options.ts', 'SessionOptions', ''],
    ['src/claim/cookie.ts', 'CookieOptions', 'cookie.'],
    ['adapters/stores/memory.ts', 'MemoryStoreOptions', ''],
    ['adapters/stores/memcached/options.ts', 'MemcachedOptions', ''],
    ['adapters/stores/redis/index.ts', 'RedisStoreOptions', ''],
    ['adapters/stores/redis/upstash.ts', 'UpstashStoreOptions', ''],
    ['adapters/stores/replicated.ts', 'ReplicatedOptions', ''],
  ])('every option: %s', (path, name, prefix) => {
    const names = members(path, name).map((one) => `${prefix}${one}`)
    missing(
      'docs/options.md',
      names.filter((one) => one !== 'cookie'),
    )
  })

  test('every function that can be imported', () => {
    const all = [...documents.values()].join('\n')
    const values = [...publicEntries()].flatMap(([, list]) => list.filter(({ isType }) => !isType))
    const names = values.map(({ name }) => name).filter((name) => !name.endsWith('Error'))
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(all))).toEqual([])
  })
})

test('every code in the title of a test has a row in test/README.md, and every row and guarantee a test', () => {
  const rows = [...(texts.get('test/README.md') ?? '').matchAll(/^\| ([A-Z]\d+) \|/gm)].map(([, code = '']) => code)
  const guarantees = [...(texts.get('README.md') ?? '').matchAll(/^\| (G\d+) \|/gm)].map(([, code = '']) => code)
  expect(guarantees).toHaveLength(10)
  const known = new Set([...rows, ...guarantees])
  const tests = [...texts].filter(([path]) => path.startsWith('test/') && path.endsWith('.test.ts'))
  const titles = tests.flatMap(([path, text]) =>
    [...text.matchAll(/(?<=['"`(]|, | and )([A-GOR]\d{1,2})(?=[:),] ?| )/g)].map(([, code = '']) => ({ path, code })),
  )
  expect(titles.length).toBeGreaterThan(150)
  expect(titles.filter(({ code }) => !known.has(code))).toEqual([])
  // More than one each, and one of them where nothing needs to be installed.
  const homes = (one: string) => titles.filter(({ code }) => code === one).map(({ path }) => path)
  expect(guarantees.filter((one) => homes(one).length < 2)).toEqual([])
  expect(guarantees.filter((one) => !homes(one).some((path) => /^test\/(unit|races)\//.test(path)))).toEqual([])
  const all = tests.map(([, text]) => text).join('\n')
  expect(rows.filter((code) => !new RegExp(`\\b${code}\\b`).test(all))).toEqual([])
})

/** The public names of every entry, by its source. */
function publicEntries() {
  const files = entries.map(({ types }) => join(root, types.replace('dist/', '').replace('.d.ts', '.ts')))
  return publicNames(files, readConfig(join(root, 'tsconfig.json')).options)
}

test('every public name has a doc comment', () => {
  const undocumented = [...publicEntries()].flatMap(([file, list]) =>
    list.filter((one) => !one.isDocumented).map(({ name }) => `${file.slice(root.length + 1)}: ${name}`),
  )
  expect([...new Set(undocumented)]).toEqual([])
})

test('no file of the library is longer than 250 lines', () => {
  const lengths = [...readSources('src', 'adapters', 'tools')].map(
    ([path, text]) => [path, text.split('\n').length - 1] as const,
  )
  expect(lengths.filter(([, lines]) => lines > 250)).toEqual([])
})
