import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { expect, it } from 'vitest'
import { secret } from '../support/app.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Reads, writes and changes under a deadline of a minute (a timer that must not stay), times out once, then forgets everything without closing. */
const program = `
import { memoryStore } from './adapters/stores/memory.ts'
import { createSessions } from './src/index.ts'
const memory = memoryStore()
const store = { ...memory, create: (...call) => memory.create(...call) }
const sessions = createSessions({ store, secret: ${JSON.stringify(secret)}, requestMs: 60_000 })
const first = sessions.open(undefined)
first.session.set('user', 'alice')
const cookie = (await first.commit()).setCookie.split(';')[0]
const second = sessions.open(cookie)
await second.session.update('count', (count = 0) => count + 1)
await second.commit()
const slow = createSessions({ store: { ...store, read: () => new Promise(() => {}) }, secret: ${JSON.stringify(secret)}, requestMs: 20 })
const outage = await slow.open(cookie).session.get('user').catch((error) => error.code)
console.log(outage)
setTimeout(() => console.log('kept alive'), 900).unref()
`

it.each(['node', 'web'])(
  'O3: a process that used sessions and dropped them ends by itself (%s crypto)',
  async (crypto) => {
    const folder = await mkdtemp(join(tmpdir(), 'claimcheck-'))
    const outfile = join(folder, 'program.mjs')
    try {
      await build({
        stdin: { contents: program, resolveDir: root, loader: 'ts' },
        alias: {
          '#crypto': join(root, `src/crypto/${crypto}.ts`),
          '#tracing': join(root, `src/tracing/${crypto === 'node' ? 'node' : 'none'}.ts`),
        },
        ...{ bundle: true, platform: 'node', format: 'esm', outfile, logLevel: 'silent' },
      })
      const child = spawn(process.execPath, [outfile], { stdio: ['ignore', 'pipe', 'inherit'] })
      const guard = setTimeout(() => child.kill('SIGKILL'), 50_000)
      let output = ''
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk
      })
      const [code] = await once(child, 'close')
      clearTimeout(guard)
      expect([code, output]).toEqual([0, 'unavailable\n'])
    } finally {
      await rm(folder, { recursive: true })
    }
  },
)
