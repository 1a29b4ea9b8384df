import { posix } from 'node:path'
import { type Import, importsOf, namesUsedIn, type Sources } from './sources.ts'

interface Link extends Import {
  readonly from: string
  /** A path of the project, or a package or built-in as written. */
  readonly to: string
}

/** One rule: what is wrong with an import, if anything. */
type Rule = (link: Link) => string | undefined

/** The only file that knows several stores, and whose warning may reach the console. */
const chooser = 'adapters/platforms/env.ts'
const stores = 'adapters/stores/'
/** Where the process comes in; the commands are given what they need of it. */
const commandLine = 'tools/cli.ts'

/** What the files outside the project may be asked for; the first pattern that fits the importing file counts. */
const packages: readonly (readonly [file: RegExp, allowed: RegExp])[] = [
  [/^src\/crypto\/node\.ts$/, /^node:crypto$/],
  [/^src\/tracing\/node\.ts$/, /^node:diagnostics_channel$/],
  [/^src\/tracing\/channels\.ts$/, /^#tracing$/],
  [/^src\/hono\.ts$/, /^hono(\/http-exception)?$/],
  [/^src\//, /^#crypto$/],
  [/^adapters\/legacy\/hono-session\.ts$/, /^jose\/jwe\/compact\/decrypt$/],
  [/^adapters\/platforms\/env\.ts$/, /^#memcached$/],
  [/^adapters\/stores\/memcached\/client\/traced\.ts$/, /^#tracing$/],
  [/^adapters\/stores\/memcached\//, /^(node:.+|memjs)$/],
  [/^adapters\/platforms\/container(\/.+)?\.ts$/, /^(node:.+|@hono\/node-server)$/],
  [/^adapters\/dashboard(\/.+)?\.ts$/, /^hono$/],
  [/^adapters\/telemetry(\/.+)?\.ts$/, /^(node:(async_hooks|diagnostics_channel)|@opentelemetry\/api)$/],
  [/^adapters\/frameworks\//, /^node:(http|stream|async_hooks)$/],
  [/^tools\/dashboard-page\//, /^(node:.+|esbuild|uplot)$/],
  [/^tools\//, /^node:.+$/],
  // Whatever an example shows, it gets the library by its public names.
  [/^examples\//, /^[^#]/],
]

/** Every breach of the dependency direction, one line each. */
export function breachesOf(sources: Sources): readonly string[] {
  const links = [...sources].flatMap(([path, text]) => importsOf(path, text).map((one) => resolve(path, one)))
  return [
    ...links.flatMap((link) => rules.flatMap((rule) => report(link, rule(link)))),
    ...[...sources].flatMap(([path, text]) => globalsUsed(path, text)),
    ...cyclesIn(links).map((cycle) => `cycle: ${cycle.join(' -> ')}`),
  ]
}

function resolve(from: string, one: Import): Link {
  const specifier = one.specifier ?? '(computed)'
  const to = specifier.startsWith('.') ? posix.join(posix.dirname(from), specifier) : specifier
  return { ...one, from, to }
}

const report = ({ from, to }: Link, reason: string | undefined) =>
  reason === undefined ? [] : [`${from} -> ${to}: ${reason}`]

const isPath = (link: Link) => link.specifier?.startsWith('.') === true
const isIn = (path: string, ...folders: readonly string[]) => folders.some((folder) => path.startsWith(folder))

/** One tool loads a module that its user names. */
const literalRule: Rule = (link) =>
  link.specifier === undefined && link.from !== 'tools/given.ts' ? 'import() of something computed' : undefined

const folderRule: Rule = (link) => {
  if (!isPath(link)) return undefined
  const { from, to } = link
  if (isIn(from, 'src/')) return isIn(to, 'src/') ? undefined : 'src imports only src'
  if (isIn(from, 'adapters/')) return isIn(to, 'adapters/', 'src/') ? undefined : 'adapters import adapters and src'
  if (isIn(from, 'tools/')) return isIn(to, 'tools/', 'adapters/', 'src/') ? undefined : 'tools import the library'
  if (isIn(from, 'examples/')) return isIn(to, 'examples/') ? undefined : 'examples use the public names'
  const allowed = isIn(to, 'test/conformance/') || to === 'src/store.ts' || (link.erased && isIn(to, 'src/'))
  return allowed ? undefined : 'conformance imports itself, the contract src/store.ts, and types of src'
}

const packageRule: Rule = (link) => {
  if (isPath(link) || link.specifier === undefined) return undefined
  const allowed = packages.find(([file]) => file.test(link.from))?.[1]
  return allowed?.test(link.specifier) ? undefined : 'not allowed here'
}

/** The rooms of `src`, each of which imports only itself and those before it; the faces, which users import, come last. */
const rooms: readonly RegExp[] = [
  /^src\/(errors|events|store|setup|session|runtime|checks)\.ts$/,
  /^src\/tracing\//,
  /^src\/crypto\//,
  /^src\/claim\//,
  /^src\/record\//,
  /^src\/request\//,
  /^src\/subjects\//,
  /^src\/[^/]+\.ts$/,
]

const roomOf = (path: string) => rooms.findIndex((room) => room.test(path))

const roomRule: Rule = ({ from, to }) => {
  if (!isIn(from, 'src/') || !isIn(to, 'src/')) return undefined
  if (to === 'src/hono.ts') return 'only users import the middleware, so that nobody else needs hono'
  return roomOf(to) <= roomOf(from) ? undefined : 'a room imports only rooms before it'
}

/**
 * A store is `stores/<name>.ts` or `stores/<name>/`. `replication/` is machinery: it gets its stores as values, so two stores may
 * build on it. `system-reason.ts` tells what a failed connection means, whoever made it.
 */
const storeRule: Rule = ({ from, to }) => {
  if (!isIn(from, 'adapters/') || !isIn(to, stores) || from === chooser) return undefined
  if (!isIn(from, stores)) return `only ${chooser} knows stores`
  const [own, other] = [storeOf(from), storeOf(to)]
  return own === other || shared.has(other ?? '') ? undefined : 'a store never imports another'
}

/** What no store owns: machinery that gets its stores as values, and what a failure means, whoever met it. */
const shared: ReadonlySet<string> = new Set(['replication', 'refusal', 'system-reason'])

const storeOf = (path: string) => path.slice(stores.length).split(/[./]/)[0]

/** Parts of a store that must not know each other: whoever puts them together hands one what it needs of the other. */
const strangers: readonly (readonly [string, string])[] = [
  [`${stores}memcached/client/`, `${stores}memcached/servers/`],
  [`${stores}memcached/client/text/`, `${stores}memcached/client/binary/`],
]

const strangerRule: Rule = ({ from, to }) => {
  const meet = strangers.some(([a, b]) => (isIn(from, a) && isIn(to, b)) || (isIn(from, b) && isIn(to, a)))
  return meet ? 'these parts do not know each other' : undefined
}

const rules: readonly Rule[] = [literalRule, folderRule, packageRule, roomRule, storeRule, strangerRule]

function globalsUsed(path: string, text: string): readonly string[] {
  if (path === chooser || path === commandLine || !isIn(path, 'src/', 'adapters/', 'tools/')) return []
  const names = namesUsedIn(path, text)
  return ['console', 'globalThis.console', 'process.env']
    .filter((name) => names.has(name))
    .map((name) => `${path}: uses ${name}`)
}

/** Depth first; each cycle once, from the file where it was met. */
function cyclesIn(links: readonly Link[]): readonly (readonly string[])[] {
  const next = Map.groupBy(links.filter(isPath), (link) => link.from)
  const cycles: string[][] = []
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]) => {
    const start = trail.indexOf(path)
    if (start >= 0) cycles.push([...trail.slice(start), path])
    if (start >= 0 || done.has(path)) return
    for (const link of next.get(path) ?? []) visit(link.to, [...trail, path])
    done.add(path)
  }
  for (const path of next.keys()) visit(path, [])
  return cycles
}
