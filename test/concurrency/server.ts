import { readFile } from 'node:fs/promises'
import { registerHooks } from 'node:module'
import type { ServerMessage } from './processes.ts'

// The sources run as they are: only the package's "imports", which name built files, are pointed at them.
const imports: Readonly<Record<string, string>> = {
  '#crypto': new URL('../../src/crypto/node.ts', import.meta.url).href,
  '#tracing': new URL('../../src/tracing/node.ts', import.meta.url).href,
}
registerHooks({
  resolve: (specifier, context, next) => next(imports[specifier] ?? specifier, context),
})

const { buildApp } = await import('./app.ts')
const { openStore } = await import('./backends.ts')
const { serve } = await import('@hono/node-server')

const { kind, port, secretsFile, ...options } = JSON.parse(process.argv[2] as string)
if (secretsFile) options.secret = async () => (await readFile(secretsFile, 'utf8')).trim().split('\n')
const { store } = await openStore(kind, port)
const app = buildApp(store, options)
serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port: listening }) => {
  process.send?.({ port: listening } satisfies ServerMessage)
})
// Ends with its parent, whatever becomes of that.
process.on('disconnect', () => process.exit(0))
