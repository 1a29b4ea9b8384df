import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { expect, test } from 'vitest'

const source = (name: string) => fileURLToPath(new URL(`../../src/${name}.ts`, import.meta.url))

/** What a bundle of this entry takes in from outside the project, at any depth. */
async function packagesOf(contents: string): Promise<readonly string[]> {
  const { metafile } = await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL('../..', import.meta.url)), loader: 'ts' },
    ...{ bundle: true, write: false, metafile: true, format: 'esm', packages: 'external', logLevel: 'silent' },
    alias: { '#crypto': source('crypto/node'), '#tracing': source('tracing/node') },
  })
  const imports = Object.values(metafile.inputs).flatMap((input) => input.imports)
  return [...new Set(imports.filter(({ external }) => external).map(({ path }) => path))]
}

test('the Lambda adapter takes nothing in from outside: no hono, no store, no sockets', async () => {
  // The channels that tools may listen to are Node's own.
  const found = await packagesOf("export * from './adapters/platforms/lambda.ts'")
  expect(found).toEqual(['node:diagnostics_channel'])
})

test('the test itself notices', async () => {
  expect(await packagesOf("export * from './src/hono.ts'")).toContain('hono/http-exception')
})
