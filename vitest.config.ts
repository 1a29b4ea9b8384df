import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
/** The crypto of a platform; the library by its public name is its source, so that no test runs on a stale build. */
const alias = (crypto: 'node' | 'web') => [
  { find: '#crypto', replacement: path(`./src/crypto/${crypto}.ts`) },
  { find: '#tracing', replacement: path('./src/tracing/node.ts') },
  { find: '#memcached', replacement: path('./adapters/stores/memcached/index.ts') },
  { find: /^claimcheck$/, replacement: path('./src/index.ts') },
  { find: /^claimcheck\/hono$/, replacement: path('./src/hono.ts') },
  { find: /^claimcheck\/verify$/, replacement: path('./src/verify.ts') },
  { find: /^claimcheck\/node$/, replacement: path('./adapters/frameworks/node.ts') },
  { find: /^claimcheck\/legacy$/, replacement: path('./adapters/legacy.ts') },
]
/** Far more than any of them takes on a busy machine: one that takes longer hangs. */
const slow = { testTimeout: 300_000, hookTimeout: 300_000 }
/** Two at a time even on two cores: Vitest's default there is one. */
const quick = { ...slow, maxWorkers: Math.max(2, availableParallelism() - 1) }
/** For what measures deadlines of real processes. Three at a time, since most of their time is waiting: such a test has to pass on a busy machine, too. */
const timed = {
  ...{ ...slow, maxWorkers: 3, setupFiles: './test/support/standstill.ts' },
  retry: { count: 2, condition: /the machine stood still/ },
}
/** What never comes near `#crypto` need not run again on WebCrypto. */
const withoutCrypto = [
  ...[
    'at-exit',
    'budget',
    'container',
    'counts',
    'commit-queue',
    'conformance',
    'dashboard-collector',
    'deadline',
    'discovery*',
    'env',
    'free-port',
    'guard',
    'journal',
    'memory',
    'own-time',
    'replication*',
    'rings',
    'ring',
    'support',
    'tools-*',
  ],
  ...['text-parser', 'demo', 'session-types', 'options', 'cookie-options'],
].map((name) => `test/unit/${name}.test.ts`)
/** A clock that the test moves does not wait for WebCrypto, whose threads live in real time. */
const ofMovedClocks = ['test/races/deadline.test.ts']
const tests = (...folders: string[]) => ({ include: folders.map((folder) => `test/${folder}/**/*.test.ts`) })

/**
 * `unit`, `webcrypto` and `simulation` need nothing installed; the other projects start real servers, browsers and package tools.
 *
 * Groups run one after the other: of all that has real servers no more is under way than a small CI machine can take.
 */
const config: ViteUserConfig = defineConfig({
  test: {
    projects: [
      {
        resolve: { alias: alias('node') },
        test: { name: 'unit', ...tests('unit', 'races'), ...quick },
      },
      {
        resolve: { alias: alias('node') },
        test: { name: 'simulation', ...tests('simulation', 'oracle'), ...quick },
      },
      {
        resolve: { alias: alias('web') },
        test: { name: 'webcrypto', ...tests('unit', 'races'), exclude: [...withoutCrypto, ...ofMovedClocks], ...quick },
      },
      {
        resolve: { alias: alias('node') },
        test: {
          name: 'servers',
          ...tests('stores', 'faults', 'concurrency'),
          ...timed,
          sequence: { groupOrder: 1 },
        },
      },
      {
        resolve: { alias: alias('node') },
        test: {
          name: 'package',
          ...tests('package'),
          ...slow,
          // Much of their time npm waits for its registry, and each works in a folder of its own.
          maxWorkers: 3,
          globalSetup: './test/package/support/consumer.ts',
          sequence: { groupOrder: 2 },
        },
      },
      {
        resolve: { alias: alias('node') },
        test: {
          name: 'platforms',
          ...tests('platforms', 'lambda', 'frameworks'),
          ...timed,
          sequence: { groupOrder: 4 },
        },
      },
      {
        resolve: { alias: alias('node') },
        test: { name: 'browser', ...tests('browser'), ...timed, sequence: { groupOrder: 3 } },
      },
    ],
  },
})

export default config
