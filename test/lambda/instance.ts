import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { atExit } from '../support/at-exit.ts'
import { nextCookies } from '../support/jar.ts'
import { type Lambda, startLambda } from './emulator.ts'
import { eventOf, type Received, received, type Sender } from './gateway.ts'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
/** The library from its sources, also by its public names, so that no test runs on a stale build. */
const alias = {
  '#crypto': path('../../src/crypto/node.ts'),
  '#tracing': path('../../src/tracing/node.ts'),
  'claimcheck/lambda': path('../../adapters/platforms/lambda.ts'),
  'claimcheck/env': path('../../adapters/platforms/env.ts'),
  claimcheck: path('../../src/index.ts'),
}

/** Functions of `functions/`, or by their path from here, each bundled into one file as for an upload; the folder they are in. */
export async function bundle(...names: readonly string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'claimcheck-lambda-'))
  atExit(() => rmSync(folder, { recursive: true, force: true }))
  await build({
    entryPoints: names.map((name) => path(name.includes('/') ? name : `./functions/${name}.ts`)),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    ...{ bundle: true, platform: 'node', format: 'esm', target: 'node22', logLevel: 'warning' },
    // What is loaded only where it is used is not in the upload.
    external: ['memjs', '@upstash/redis'],
    alias,
  })
  return folder
}

/** What the functions sign with. */
export const secret = 'the secret of the functions: 0123456789 abcdef'

/** An instance of a bundled function, in front of these memcached servers; `env` is added. */
export function start(folder: string, name: string, servers: readonly string[], env: object = {}): Promise<Lambda> {
  const given = { SESSION_SECRET: secret, MEMCACHED_SERVERS: servers.join(','), ...env }
  return startLambda({ handler: `${name}.handler`, cwd: folder, env: given })
}

/** One browser behind one kind of gateway, with the session cookie it was given last. */
export class Visitor {
  readonly #sender: Sender
  cookie: string | undefined

  constructor(sender: Sender = 'HTTP API') {
    this.#sender = sender
  }

  /** One request; throws where the function did not answer. */
  async ask(lambda: Lambda, path: string, options: { readonly freezes?: boolean } = {}): Promise<Received> {
    const { kind, result } = await lambda.invoke(eventOf(this.#sender, { path, cookie: this.cookie }), options)
    if (kind !== 'response') throw new Error(`${kind}: ${JSON.stringify(result)}\n${lambda.log()}`)
    const answer = received(this.#sender, result)
    this.cookie = nextCookies(this.cookie, answer.headers.getSetCookie())
    return answer
  }
}
