import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const alias = (crypto: 'node' | 'web') => ({ '#crypto': path(`./src/crypto/${crypto}.ts`) })
const slow = { testTimeout: 60_000, hookTimeout: 30_000 }

/** `unit` and `webcrypto` need nothing installed; the other projects start real servers, browsers and package tools. */
const config: ViteUserConfig = defineConfig({
  test: {
    projects: [
      {
        resolve: { alias: alias('node') },
        test: { name: 'unit', include: ['test/unit/**/*.test.ts', 'test/races/**/*.test.ts'] },
      },
      {
        resolve: { alias: alias('web') },
        test: { name: 'webcrypto', include: ['test/unit/**/*.test.ts', 'test/races/**/*.test.ts'] },
      },
      {
        resolve: { alias: alias('node') },
        test: { name: 'servers', include: ['test/stores/**/*.test.ts', 'test/faults/**/*.test.ts'], ...slow },
      },
      { resolve: { alias: alias('node') }, test: { name: 'package', include: ['test/package/**/*.test.ts'], ...slow } },
    ],
  },
})

export default config
