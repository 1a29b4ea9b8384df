import { readFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { run, runOrThrow } from './support/command.ts'
import { compile } from './support/compile.ts'
import { linksOf } from './support/documents.ts'
import { entries, manifest } from './support/manifest.ts'
import { publicNames } from './support/names.ts'
import { consumer, tarball } from './support/packed.ts'

describe('the tarball', () => {
  test('holds what is meant to be published and nothing else', async () => {
    const listing = await runOrThrow('listing the tarball', 'tar', ['-tzf', tarball])
    const files = listing
      .trim()
      .split('\n')
      .map((path) => path.replace(/^package\//, ''))
    const wanted = [
      /^(package\.json|README\.md|CHANGELOG\.md|CONTRIBUTING\.md|SECURITY\.md|LICENSE|docs\/\w[\w-]*\.md|docs\/bench\/[\w-]+\.svg)$/,
      /^dist\/(src|adapters|shared|test\/conformance)\/.+\.(js|d\.ts)$/,
      /^dist\/tools\/.+\.js$/,
      // What the documents point at.
      /^(src\/store\.ts|adapters\/stores\/memory\.ts|examples\/.+)$/,
    ]
    expect(files.filter((path) => !wanted.some((pattern) => pattern.test(path)))).toEqual([])
    expect(files).toEqual(expect.arrayContaining(['package.json', 'README.md', 'CHANGELOG.md', 'LICENSE']))
  })

  test('holds what its README and its pages link to (F34)', async () => {
    const listing = await runOrThrow('listing the tarball', 'tar', ['-tzf', tarball])
    const files = listing.trim().split('\n')
    const pages = files.filter((path) => /^package\/(README\.md|docs\/.+\.md)$/.test(path))
    expect(pages.length).toBeGreaterThan(8)
    const isThere = (path: string) => files.some((one) => `${one}/`.startsWith(`${path}/`))
    for (const page of pages) {
      const text = await readFile(join(consumer, 'node_modules', page.replace('package', manifest.name)), 'utf8')
      const targets = linksOf(text).filter((target) => !target.startsWith('#'))
      const missing = targets.filter((target) => !isThere(posix.join(posix.dirname(page), target.replace(/#.*/, ''))))
      expect([page, ...missing]).toEqual([page])
    }
  })

  test('satisfies publint', async () => {
    const bytes = await readFile(tarball)
    const pack = { tarball: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) }
    const { messages, pkg } = await publint({ pack, strict: true })
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([])
  })

  test('satisfies are-the-types-wrong', async () => {
    const { code, output } = await run('attw', ['--profile', 'esm-only', '--no-definitely-typed', tarball])
    expect([code, output]).toEqual([0, output])
  })

  test('brings jose and nothing else, and runs no script', async () => {
    const { packages } = JSON.parse(await readFile(join(consumer, 'package-lock.json'), 'utf8'))
    const installed = packages[`node_modules/${manifest.name}`]
    expect(Object.keys(installed.dependencies)).toEqual(['jose'])
    expect(installed.hasInstallScript).toBeUndefined()
    expect(Object.keys(packages).filter((path) => path.startsWith(`node_modules/${manifest.name}/`))).toEqual([])
  })
})

describe('public names', () => {
  const typesOf = (types: string) => join(consumer, 'node_modules', manifest.name, types)

  const wrapped = (types: string) => types.replace(/(.{1,100})(?: |$)/g, '\n  type $1')

  test('are these', async () => {
    const options = { module: ts.ModuleKind.NodeNext, strict: true, types: [], skipLibCheck: true }
    const names = publicNames(
      entries.map(({ types }) => typesOf(types)),
      options,
    )
    const listed = entries.map(({ specifier, types }) => {
      const all = names.get(typesOf(types)) ?? []
      const of = (isType: boolean) => all.filter((one) => one.isType === isType).map(({ name }) => name)
      return `${specifier}: ${of(false).join(' ')}${wrapped(of(true).join(' '))}`
    })
    expect(listed.join('\n')).toMatchInlineSnapshot(`
      "claimcheck: SessionConflictError SessionError SessionGoneError SessionOptionsError SessionUseError SessionValueError StoreUnavailableError createSessions createVerifier revisionOf
        type AbsentReason AnySessionError BadTokenReason CallOptions CommitOptions CommitResult ConflictReason
        type CookieOptions CreateOptions CreateResult DatedSecret DeleteOptions DestroyOptions Device Entry
        type EventContext Happening Jwk JwkProvider KeySize LifetimeOptions ListOptions NodeHealth OpenSession
        type PublicJwk ReadOptions RegenerateOptions ReopenedSession RequestFrom RequestHeaders RevokeOptions
        type Secret SecretProvider Secrets Session SessionErrorCode SessionEvent SessionEventHandler SessionInfo
        type SessionOptions SessionReader Sessions SigningOptions Store StoreHealth Stored SubjectSession
        type Tombstone UnavailableOptions UnavailableReason UpdateOptions UpdateResult VerifiedCookie Verifier
        type VerifierOptions Version
      claimcheck/hono: session
        type MountOptions SessionEnv
      claimcheck/verify: createPublicVerifier
        type BadTokenReason Fetch Jwk PublicVerifier PublicVerifierOptions RequestFrom RequestHeaders
        type VerifiedClaim
      claimcheck/memory: memoryStore
        type MemoryStore MemoryStoreOptions
      claimcheck/memcached: clusterServers dnsServers memcachedStore srvServers
        type ClusterServersOptions DnsOptions FoundServer MemcachedOptions MemcachedServer NameServer RingHash
        type ServerProvider TlsOptions
      claimcheck/redis: redisStore
        type GlideClient IoRedisClient NodeRedisClient NodeRedisCluster NodeRedisSentinel RedisClient RedisSend
        type RedisStoreOptions
      claimcheck/upstash: upstashStore
        type RedisClass UpstashStoreOptions
      claimcheck/replicated: replicatedStore
        type ReplicatedOptions
      claimcheck/node: expressSession fastifySession session
        type Done ExpressSession ExpressSessionMethods ExpressSessionOptions MountOptions Next SessionCookie
        type SessionMiddleware SessionRequest
      claimcheck/legacy: fromExpressSession fromHonoSession fromHonoSessions fromIronSession fromPhp legacySessions
        type ExpressSessionStore FromExpressSessionOptions FromHonoSessionOptions FromHonoSessionsOptions
        type FromIronSessionOptions FromPhpOptions HonoSessionStorage HonoSessionsStore LegacyCall LegacyCookie
        type LegacyOptions LegacySessions LegacySource OldRecords RedisLikeClient
      claimcheck/lambda: withSession withStreamingSession
        type ResponseStream StreamingHandler StreamingResult
      claimcheck/dashboard: dashboard
        type DashboardOptions
      claimcheck/container: containerFromEnv runContainer serveContainer
        type ContainerApp ContainerConfig ContainerOptions RunningContainer
      claimcheck/env: storeFromEnv
      claimcheck/telemetry: telemetry
        type Telemetry TelemetryOptions
      claimcheck/testing: cookieAfter expectSession fakeClock signedIn
        type Answered FakeClock HonoApp SignedInOptions Tested TestedOptions
      claimcheck/conformance: ConformanceError sessionCases storeCases
        type Calls ConformanceClock Outcome SessionCase SessionWorld Site SiteOptions StoreCase Visit"
    `)
  })

  test.each(entries)('$specifier exports at run time what its types say', async ({ specifier, types }) => {
    const declared = publicNames([typesOf(types)], { module: ts.ModuleKind.NodeNext, types: [], skipLibCheck: true })
    const values = [...declared.values()].flat().filter(({ isType }) => !isType)
    const code = `console.log(JSON.stringify(Object.keys(await import('${specifier}'))))`
    const args = ['--input-type=module', '--eval', code]
    const stdout = await runOrThrow(`importing ${specifier}`, process.execPath, args, consumer)
    expect(new Set(JSON.parse(stdout))).toEqual(new Set(values.map(({ name }) => name)))
  })
})

test('a cold start opens few files, and loads no module of Node that is not used yet', async () => {
  const listing = await runOrThrow('listing the tarball', 'tar', ['-tzf', tarball])
  // One for each entry, two cryptos, the refusal for Workers, two tracings, what they share, and what `REDIS_URL` loads on demand. No application
  // opens those of the command line.
  expect(listing.match(/^package\/dist\/(?!tools\/).*\.js$/gm)?.length).toBeLessThanOrEqual(entries.length + 9)
  // What Node itself starts with depends on its options and the environment.
  const code = `const before = new Set(process.moduleLoadList)
    await import('claimcheck/memcached'); await import('claimcheck')
    const names = process.moduleLoadList.filter((name) => !before.has(name))
    console.log(JSON.stringify(names.filter((name) => / (net|tls|dns|dns\\/promises)$/.test(name))))`
  expect(await runOrThrow('importing', process.execPath, ['--input-type=module', '--eval', code], consumer)).toBe(
    '[]\n',
  )
})

describe('in an empty project', () => {
  test('the types need neither the types of Node, but for its requests, nor of the peers that are not installed', async () => {
    // The requests of node:http are those of Node.
    const others = entries.filter(({ specifier }) => specifier !== `${manifest.name}/node`)
    const code = others.map(({ specifier }, index) => `export * as s${index} from '${specifier}'`).join('\n')
    const { output } = await compile('every.ts', code, { types: [], lib: ['es2024', 'dom', 'dom.iterable'] })
    expect(output).toBe('')
  })
})
