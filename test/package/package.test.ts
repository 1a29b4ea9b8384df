import { type ChildProcess, spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import ts from 'typescript'
import { beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../support/servers.ts'
import { root, run, runOrThrow } from './support/command.ts'
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
      /^(package\.json|README\.md|CHANGELOG\.md|LICENSE)$/,
      /^dist\/(src|adapters|shared|test\/conformance)\/.+\.(js|d\.ts)$/,
      // What the README points at.
      /^(src\/store\.ts|adapters\/stores\/memory\.ts|examples\/.+)$/,
    ]
    expect(files.filter((path) => !wanted.some((pattern) => pattern.test(path)))).toEqual([])
    expect(files).toEqual(expect.arrayContaining(['package.json', 'README.md', 'CHANGELOG.md', 'LICENSE']))
  })

  test('holds what its README links to (F34)', async () => {
    const listing = await runOrThrow('listing the tarball', 'tar', ['-tzf', tarball])
    const files = listing.trim().split('\n')
    const readme = await readFile(join(consumer, 'node_modules', manifest.name, 'README.md'), 'utf8')
    const targets = [...readme.matchAll(/\]\(([^)\s#]+)[^)]*\)/g)].map(([, target = '']) => target)
    const relative = targets.filter((target) => !/^[a-z]+:/.test(target))
    expect(relative.length).toBeGreaterThan(3)
    const isThere = (target: string) => files.some((path) => `${path}/`.startsWith(`package/${target}/`))
    expect(relative.filter((target) => !isThere(target))).toEqual([])
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
      "claimcheck: SessionConflictError SessionError SessionGoneError SessionOptionsError SessionUseError SessionValueError StoreUnavailableError createSessions createVerifier revisionOf session
        type AnySessionError BadTokenReason CallOptions CommitOptions CommitResult CookieOptions CreateResult
        type DeleteOptions Entry NodeHealth OpenSession ReadOptions RegenerateOptions Secret Session SessionEnv
        type SessionErrorCode SessionEvent SessionEventHandler SessionOptions SessionReader Sessions Store
        type StoreHealth Stored Tombstone UnavailableOptions UnavailableReason UpdateOptions UpdateResult
        type VerifiedCookie Verifier VerifierOptions Version
      claimcheck/memory: memoryStore
        type MemoryStore MemoryStoreOptions
      claimcheck/memcached: clusterServers dnsServers memcachedStore srvServers
        type ClusterServersOptions DnsOptions FoundServer MemcachedOptions MemcachedServer NameServer RingHash
        type ServerProvider TlsOptions
      claimcheck/redis: redisStore
        type IoRedisClient NodeRedisClient RedisClient RedisStoreOptions
      claimcheck/upstash: upstashStore
        type RedisClass UpstashStoreOptions
      claimcheck/replicated: replicatedStore
        type ReplicatedOptions
      claimcheck/lambda: withSession withStreamingSession
        type ResponseStream StreamingHandler StreamingResult
      claimcheck/container: containerFromEnv runContainer serveContainer
        type ContainerApp ContainerConfig ContainerOptions RunningContainer
      claimcheck/env: storeFromEnv
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
  // One for each entry, two cryptos, the refusal for Workers, and what they share.
  expect(listing.match(/^package\/dist\/.*\.js$/gm)?.length).toBeLessThanOrEqual(entries.length + 6)
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
  const compile = async (name: string, code: string, options: object) => {
    await writeFile(join(consumer, `${name}.ts`), code)
    const config = { compilerOptions: { ...strict, ...options }, files: [`${name}.ts`] }
    await writeFile(join(consumer, `${name}.json`), JSON.stringify(config))
    return run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', `${name}.json`], consumer)
  }

  test('the types need neither the types of Node nor of the peers that are not installed', async () => {
    const code = entries.map(({ specifier }, index) => `export * as s${index} from '${specifier}'`).join('\n')
    const { output } = await compile('every', code, { types: [], lib: ['es2024', 'dom', 'dom.iterable'] })
    expect(output).toBe('')
  })

  test('every other program of the README compiles, with what it takes for granted declared', async () => {
    const readme = await readFile(join(root, 'README.md'), 'utf8')
    const [, ...programs] = [...readme.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code]) => code as string)
    expect(programs.length).toBeGreaterThan(2)
    // All at once: most of the time the compiler spends on what they import.
    const files = programs.map((code, at) => ({
      name: `readme-${at}.ts`,
      text: `${granted}\n${code.replace("import { it } from 'vitest'", '')}\nexport {}\n`,
    }))
    for (const { name, text } of files) await writeFile(join(consumer, name), text)
    const { output } = await compile(
      'programs',
      files.map(({ name }) => `import './${name.replace('.ts', '.js')}'\n`).join(''),
      {
        lib: ['es2024', 'dom', 'dom.iterable'],
        types: ['node'],
        typeRoots: [join(root, 'node_modules/@types')],
      },
    )
    expect(output).toBe('')
  })

  describe('the first program of the README', () => {
    let program: string
    beforeAll(async () => {
      const readme = await readFile(join(root, 'README.md'), 'utf8')
      program = /^```ts\n(.*?)^```/ms.exec(readme)?.[1] ?? ''
    })

    test('compiles as it stands, strictly', async () => {
      expect(program).toContain('serve(app)')
      const options = {
        lib: ['es2024', 'dom', 'dom.iterable'],
        types: ['node'],
        typeRoots: [join(root, 'node_modules/@types')],
      }
      const { output } = await compile('readme', program, options)
      expect(output).toBe('')
    })

    test('runs, and keeps a cart for one browser', async () => {
      const port = await freePort()
      // The README need not choose a port, a test must.
      const code = program.replace('serve(app)', `serve({ fetch: app.fetch, port: ${port} })`)
      await writeFile(join(consumer, 'program.ts'), code)
      const env = { ...process.env, SESSION_SECRET: 'a secret of 32 bytes at the least' }
      const server = spawn(process.execPath, ['program.ts'], {
        cwd: consumer,
        env,
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      try {
        const url = `http://localhost:${port}`
        await answering(server, url)
        const added = await fetch(`${url}/cart/tea`, { method: 'POST', redirect: 'manual' })
        const cookie = added.headers
          .getSetCookie()
          .map((line) => line.split(';')[0])
          .join('; ')
        expect([added.status, cookie.split('=')[0]]).toEqual([303, '__Host-sid'])
        expect(await (await fetch(url, { headers: { cookie } })).json()).toEqual({ cart: ['tea'] })
        expect(await (await fetch(url)).json()).toEqual({ cart: [] })
      } finally {
        server.kill('SIGKILL')
      }
    })
  })
})

/** Names that programs of the README use without showing where they come from. */
const granted = `
declare const app: import('hono').Hono<
  import('claimcheck').SessionEnv<{ userId: string; cart: string[]; flash: string }>
>
declare const myStore: import('claimcheck').Store
declare const env: { SESSION_SECRET: string }
declare const request: Request
declare const it: { concurrent(name: string, run: () => Promise<void>, ms: number): void }
declare function checkPassword(c: import('hono').Context): Promise<{ id: string }>
`

/** Waits until the program listens; one that ends says why. */
async function answering(server: ChildProcess, url: string): Promise<void> {
  let errors = ''
  server.stderr?.on('data', (chunk) => {
    errors += chunk
  })
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; ) {
    if (server.exitCode !== null) break
    if (
      await fetch(url).then(
        () => true,
        () => false,
      )
    )
      return
    await new Promise((wait) => setTimeout(wait, 50))
  }
  throw new Error(`the program does not answer\n${errors}`)
}
