import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { ProvidedContext } from 'vitest'
import { defineConfig, type Plugin, type ViteUserConfig } from 'vitest/config'
import { publicVectors } from '../support/public-vectors.ts'
import type { Given, MacVector } from './suite/given.ts'

type CryptoName = ProvidedContext['crypto']
interface MacFile {
  readonly testGroups: readonly { readonly tagSize: number; readonly tests: readonly MacVector[] }[]
}

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const { CLAIMCHECK_GIVEN } = process.env
if (CLAIMCHECK_GIVEN === undefined) throw new Error('nothing is started: run `node test/runtimes/run.ts`')
const given = JSON.parse(CLAIMCHECK_GIVEN) as Given
const isWorkerd = given.runtime === 'workerd'

const file = publicVectors<MacFile>('wycheproof/hmac_sha256_test.json', 'the HMAC vectors of Wycheproof')
const macVectors = file?.testGroups.filter(({ tagSize }) => tagSize === 256).flatMap(({ tests }) => tests) ?? null
const { cases: vectors, signed } = JSON.parse(readFileSync(path('../conformance/vectors.json'), 'utf8'))

/** Its package is in a folder of its own, which need not be installed where this file is only looked at: hence the variable. */
async function workerd(): Promise<Plugin[]> {
  const name = '@cloudflare/vitest-plugin'
  const { cloudflareTest } = (await import(name)) as { cloudflareTest(options: object): Plugin[] }
  return cloudflareTest({
    // `cf: false`: nothing is looked up on the network. The plugin itself needs `nodejs_compat`; without it runs the black box.
    miniflare: { cf: false, compatibilityDate: '2026-07-01', compatibilityFlags: ['nodejs_compat'] },
  })
}

async function project(name: string, crypto: CryptoName, include: readonly string[]) {
  const implementation = path(`../../src/crypto/${crypto === 'WebCrypto' ? 'web' : 'node'}.ts`)
  const tracing = path(`../../src/tracing/${isWorkerd ? 'none' : 'node'}.ts`)
  return {
    root: path('../..'),
    resolve: {
      alias: [
        { find: '#crypto', replacement: implementation },
        { find: '#tracing', replacement: tracing },
      ],
    },
    plugins: isWorkerd ? [await workerd()] : [],
    test: {
      name,
      include: include.map((one) => `test/runtimes/suite/${one}.test.ts`),
      exclude: [`test/runtimes/suite/${isWorkerd ? 'sockets' : 'workers'}/**`],
      provide: { given, vectors, signed, macVectors, crypto },
      // One start for all files.
      isolate: isWorkerd,
      // Many of them wait for some server's clock. All at once they would start late, which is what those measure.
      maxConcurrency: 200,
      ...{ testTimeout: 120_000, hookTimeout: 60_000 },
    },
  }
}

const [own, other]: readonly [CryptoName, CryptoName] = isWorkerd
  ? ['WebCrypto', 'node:crypto']
  : ['node:crypto', 'WebCrypto']

/** The suite on the runtime that reads this file; on Workers on the one that its plugin starts. */
const config: ViteUserConfig = defineConfig({
  root: path('../..'),
  // The crypto that package.json's conditions choose for this runtime, and once more the vectors on the other.
  test: { projects: [await project('own', own, ['**/*']), await project('other', other, ['crypto'])] },
})

// biome-ignore lint/style/noDefaultExport: this is how Vitest takes a configuration
export default config
