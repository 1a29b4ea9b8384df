import { cp, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from './command.ts'
import { type Manifest, manifest } from './manifest.ts'

/** JSR names have a scope. */
export const jsrName: string = `@${manifest.name}/${manifest.name}`

/** What JSR is to get: the sources, because it makes JavaScript and documentation of them itself. */
const published = ['src', 'adapters', 'test/conformance', 'README.md', 'CHANGELOG.md', 'docs', 'LICENSE']

/**
 * The package as JSR would get it, and an `app` beside it that may import it by name: a Deno workspace in an empty folder.
 *
 * Its configuration comes out of package.json, so that no second list of entries and versions has to be kept.
 */
export async function jsrWorkspace(folder: string): Promise<{ readonly library: string; readonly app: string }> {
  const library = join(folder, 'library')
  const app = join(folder, 'app')
  await mkdir(app, { recursive: true })
  for (const path of published) await cp(join(root, path), join(library, path), { recursive: true })
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  const write = (path: string, config: object) => writeFile(join(path, 'deno.json'), JSON.stringify(config, null, 2))
  await write(folder, { workspace: ['./library', './app'], nodeModulesDir: 'manual' })
  await write(library, configuration())
  await write(app, {})
  return { library, app }
}

interface FullManifest extends Manifest {
  readonly license: string
  readonly imports: Readonly<Record<string, { readonly default: string }>>
}

function configuration(): object {
  const { version, license, exports, imports, dependencies, peerDependencies } = manifest as FullManifest
  const sources = Object.entries(exports).flatMap(([subpath, target]) =>
    typeof target === 'string' ? [] : [[subpath, sourceOf(target.default)]],
  )
  const packages = Object.entries({ ...dependencies, ...peerDependencies })
  return {
    name: jsrName,
    ...{ version, license },
    exports: Object.fromEntries(sources),
    imports: {
      // JSR has no conditions: what holds everywhere, so WebCrypto.
      ...Object.fromEntries(Object.entries(imports).map(([name, to]) => [name, sourceOf(to.default)])),
      ...Object.fromEntries(packages.map(([name, range]) => [name, `npm:${name}@${range}`])),
    },
    publish: { include: [...published, 'deno.json'] },
  }
}

const sourceOf = (built: string) => built.replace('./dist/', './').replace(/\.js$/, '.ts')
