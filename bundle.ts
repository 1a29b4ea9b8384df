import { readFileSync } from 'node:fs'
import { type BuildOptions, build } from 'rolldown'

type Targets = Readonly<Record<string, string | Readonly<Record<string, string>>>>
const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as { exports: Targets; imports: Targets }

/** Every built file that package.json names, by its path below `dist`, and its source. */
const entries = Object.values({ ...manifest.exports, ...manifest.imports })
  .flatMap((target) => (typeof target === 'string' ? [] : Object.values(target)))
  .filter((path) => path.endsWith('.js'))
  .map((path) => path.slice('./dist/'.length, -'.js'.length))

/**
 * Few files, because a cold start pays for each that it opens (0.4 ms, measured): one core that all share, so that there is one
 * class of each error, and one file per entry. Hono stays out of the core: the other entries do without it.
 */
const library: BuildOptions = {
  input: Object.fromEntries(entries.map((name) => [name, `${name}.ts`])),
  // Packages, and the names of package.json "imports", stay as they are.
  external: /^[^./]/,
  platform: 'neutral',
  output: {
    dir: 'dist',
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'shared/[name].js',
    codeSplitting: {
      groups: [
        {
          name: 'core',
          test: /\/src\/(?!crypto\/(contract|node|hmac|web|base64url-plain)|tracing\/(contract|node|none)|index\.ts|hono\.ts|verify\.ts)/,
        },
        { name: 'replication', test: /\/adapters\/stores\/replication\// },
        // What only some variables ask for, loaded on demand.
        { name: 'env', test: /\/adapters\/platforms\/env\// },
        { name: 'redis', test: /\/adapters\/stores\/redis\/(?!index|upstash|clients|glide)/ },
      ],
    },
  },
}

/** The command line, by itself: nothing of it is in a file that an application opens, and it shares none with the library. */
const tools: BuildOptions = {
  input: { cli: 'tools/cli.ts' },
  external: /^[^./]/,
  platform: 'node',
  output: { dir: 'dist/tools', format: 'esm', entryFileNames: '[name].js', chunkFileNames: 'parts/[name].js' },
}

// By its API, because its command line prints a table of all files whatever its log level. Warnings are printed.
await build([library, tools])
