import { readdirSync } from 'node:fs'
import { registerHooks } from 'node:module'
import type { AppMessage, AppReport, AppSpec } from './apps.ts'

// The sources run as they are: only the package's "imports", which name built files, are pointed at them.
const imports: Readonly<Record<string, string>> = {
  '#crypto': new URL('../../../src/crypto/node.ts', import.meta.url).href,
  '#tracing': new URL('../../../src/tracing/node.ts', import.meta.url).href,
}
registerHooks({
  resolve: (specifier, context, next) => next(imports[specifier] ?? specifier, context),
})

const spec = JSON.parse(process.argv[2] as string) as AppSpec

if (spec.lookupMs !== undefined) {
  // A list of servers is looked up every 60 s, give or take a tenth. Nothing else in here waits about that long.
  const { setTimeout } = globalThis
  const sooner = (work: (...given: unknown[]) => void, ms?: number, ...given: unknown[]) =>
    setTimeout(work, ms !== undefined && ms > 53_000 && ms < 67_000 ? spec.lookupMs : ms, ...given)
  globalThis.setTimeout = Object.assign(sooner, setTimeout) as typeof globalThis.setTimeout
}

const { buildLabApp } = await import('./app.ts')
const { openStore } = await import('./stores.ts')
const { createAdaptorServer } = await import('@hono/node-server')

const events: Record<string, number> = {}
const count = (name: string) => {
  events[name] = (events[name] ?? 0) + 1
}
process.on('unhandledRejection', () => count('unhandled-rejection'))
process.on('uncaughtExceptionMonitor', (error) => process.stderr.write(`${error.stack}\n`))

const opened = await openStore(spec.store)
const app = buildLabApp(opened.store, spec.app, (event) => count(event.type))
const server = createAdaptorServer({ fetch: app.fetch })
// Longer than a test: a connection that is closed while it is used again looks like a crash. (Of node:http only.)
if ('keepAliveTimeout' in server) server.keepAliveTimeout = 600_000

function report(): AppReport {
  global.gc?.()
  const { heapUsed, rss } = process.memoryUsage()
  return { events, heapUsed, rss, descriptors: readdirSync('/proc/self/fd').length }
}

process.on('message', async (message: AppMessage) => {
  if (message.type === 'servers') opened.provide(message.servers)
  if (message.type === 'stall') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, message.ms)
  if (message.type === 'health') process.send?.(await opened.store.check?.())
  if (message.type === 'report') process.send?.(report())
})
// A graceful stop: what is in flight is answered, then the store is closed.
process.on('SIGTERM', () => {
  server.close(() => void opened.close().then(() => process.exit(0)))
  // Those that were busy at that moment are kept alive when they have been answered.
  if ('closeIdleConnections' in server) setInterval(() => server.closeIdleConnections(), 20)
})
// Ends with its parent, whatever becomes of that.
process.on('disconnect', () => process.exit(0))
server.listen(spec.path, () => process.send?.('listening'))
