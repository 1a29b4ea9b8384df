import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'

declare module 'vitest' {
  interface ProvidedContext {
    /** The packed package. */
    tarball: string
  }
}

const { CLAIMCHECK_GIVEN, CLAIMCHECK_TARBALL } = process.env
if (!CLAIMCHECK_GIVEN || !CLAIMCHECK_TARBALL) throw new Error('nothing is started: run `node test/runtimes/run.ts`')

/** The black box, run by one Node; the runtimes are processes of its own. */
const config: ViteUserConfig = defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/blackbox/**/*.test.ts'],
    provide: { given: JSON.parse(CLAIMCHECK_GIVEN), tarball: CLAIMCHECK_TARBALL },
    ...{ testTimeout: 60_000, hookTimeout: 120_000 },
  },
})

// biome-ignore lint/style/noDefaultExport: this is how Vitest takes a configuration
export default config
