import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { beforeAll, describe, expect, test } from 'vitest'
import { manifest } from './support/manifest.ts'
import { consumer } from './support/packed.ts'

interface Bundle {
  readonly code: string
  readonly minified: number
  readonly gzipped: number
  /** Minified bytes by package. */
  readonly parts: Readonly<Record<string, number>>
}

const hono = "import { Hono } from 'hono'\nconst app = new Hono()\nexport default app\n"
const middleware = `${hono}import { session } from 'claimcheck/hono'\n`
const entries = {
  'bare hono': hono,
  'hono + claimcheck, store of your own': `${middleware}app.use(session((c) => ({ store: c.env.STORE, secret: c.env.SECRET })))`,
  'hono + claimcheck + upstashStore': `${middleware}import { upstashStore } from 'claimcheck/upstash'
    app.use(session((c) => ({ store: upstashStore({ url: c.env.URL, token: c.env.TOKEN }), secret: c.env.SECRET })))`,
  'hono + claimcheck + upstashStore through @upstash/redis': `${middleware}import { upstashStore } from 'claimcheck/upstash'
    import { Redis } from '@upstash/redis/cloudflare'
    const store = (c) => upstashStore({ url: c.env.URL, token: c.env.TOKEN, client: Redis })
    app.use(session((c) => ({ store: store(c), secret: c.env.SECRET })))`,
  'claimcheck alone': "export { session } from 'claimcheck/hono'",
  'claimcheck/verify alone': "export { createPublicVerifier } from 'claimcheck/verify'",
  'upstashStore alone': "export { upstashStore } from 'claimcheck/upstash'",
}

/** About a tenth above what was measured when they were last set: growth has to be meant. */
const ceilings: Readonly<Record<string, readonly [minified: number, gzipped: number]>> = {
  'hono + claimcheck, store of your own': [104_500, 37_100],
  'hono + claimcheck + upstashStore': [113_700, 41_000],
  'hono + claimcheck + upstashStore through @upstash/redis': [200_000, 60_000],
  'claimcheck alone': [83_000, 29_500],
  'claimcheck/verify alone': [15_200, 6_700],
  'upstashStore alone': [13_500, 6_100],
}

const bundles = new Map<string, Bundle>()
beforeAll(async () => {
  for (const [name, code] of Object.entries(entries))
    bundles.set(name, await bundle(code, name.endsWith('alone') ? ['hono', '@upstash/redis'] : []))
  for (const [name, { minified, gzipped, parts }] of bundles)
    console.log(`${name}: ${minified} bytes, ${gzipped} gzipped; ${JSON.stringify(parts)}`)
})

/** As Cloudflare's wrangler sets them. */
const edge: readonly string[] = ['workerd', 'worker', 'browser']

/** As wrangler does it, from the installed package. */
async function bundle(contents: string, external: readonly string[], conditions = edge): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: consumer },
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: [...conditions],
    external: external.flatMap((name) => [name, `${name}/*`]),
  })
  const [output] = outputFiles
  const parts: Record<string, number> = {}
  for (const [path, { bytesInOutput }] of Object.entries(Object.values(metafile.outputs)[0]?.inputs ?? {})) {
    const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? 'entry'
    parts[name] = (parts[name] ?? 0) + bytesInOutput
  }
  const bytes = output?.contents ?? new Uint8Array()
  return { code: output?.text ?? '', minified: bytes.length, gzipped: gzipSync(bytes, { level: 9 }).length, parts }
}

const forbidden: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['built-in modules of Node', /["'](node:|crypto["'])/],
  // The name in a message of @upstash/redis is no use of it.
  ['Buffer', /\bBuffer\b(?! size)/],
  ['process', /\bprocess\./],
  ['memjs', /memjs/],
  ['algorithms nobody asked for', /RSA-OAEP|ECDH-ES|PBES2/],
  ['implementation for Node', /createHmac|createCipheriv/],
]

describe.each(Object.keys(ceilings))('%s', (name) => {
  const bundled = () => bundles.get(name) as Bundle

  test.each(forbidden)('has no %s', (_, pattern) => {
    expect(bundled().code.match(pattern)?.[0]).toBeUndefined()
  })

  test('stays below its ceiling', () => {
    const [minified, gzipped] = ceilings[name] ?? [0, 0]
    expect(bundled().minified).toBeLessThan(minified)
    expect(bundled().gzipped).toBeLessThan(gzipped)
  })
})

test('seals and signs with WebCrypto', () => {
  const { code, parts } = bundles.get('claimcheck alone') as Bundle
  expect(code).toContain('AES-GCM')
  expect(code).toContain('subtle')
  expect(new Set(Object.keys(parts))).toEqual(new Set([manifest.name, 'entry']))
})

test('the patterns find what they are for', async () => {
  const { code } = await bundle(
    "export { session } from 'claimcheck/hono'",
    ['hono', 'node:crypto', 'node:diagnostics_channel'],
    ['node'],
  )
  const found = forbidden.filter(([, pattern]) => pattern.test(code)).map(([name]) => name)
  expect(found).toEqual(['built-in modules of Node', 'Buffer', 'process', 'implementation for Node'])
})

test('adds little of its own', () => {
  const share = (name: string) => bundles.get('hono + claimcheck, store of your own')?.parts[name] ?? Infinity
  expect(share(manifest.name)).toBeLessThan(83_000)
})

test('nothing is bundled that was not asked for', () => {
  const { parts } = bundles.get('hono + claimcheck, store of your own') as Bundle
  expect(new Set(Object.keys(parts))).toEqual(new Set([manifest.name, 'entry', 'hono']))
})
