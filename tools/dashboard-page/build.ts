import { readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
/** What the package serves: `npm run build:page` writes it, and a test finds it out where that was forgotten. */
export const target: string = here('../../adapters/dashboard/page.ts')

/** The text of that file: our script with uPlot in it, our style after uPlot's, and uPlot's licence, which asks to go along. */
export async function pageText(): Promise<string> {
  const folder = dirname(createRequire(import.meta.url).resolve('uplot/package.json'))
  const read = (path: string) => readFile(join(folder, path), 'utf8')
  const [licence, css, own] = await Promise.all([
    read('LICENSE'),
    read('dist/uPlot.min.css'),
    readFile(here('style.css'), 'utf8'),
  ])
  const { version } = JSON.parse(await read('package.json'))
  const notice = `/*! With uPlot ${version}:\n${licence.trim()}\n*/\n`
  const script = await bundle(here('main.ts'), 'js', '')
  const style = await bundle(here('style.css'), 'css', `${css}\n${own}`)
  const constant = (name: string, text: string) => `export const ${name}: string = ${JSON.stringify(notice + text)}\n`
  return `// Made by \`npm run build:page\` from tools/dashboard-page.\n${constant('script', script)}${constant('style', style)}`
}

async function bundle(path: string, loader: 'js' | 'css', contents: string): Promise<string> {
  const entry = loader === 'js' ? { entryPoints: [path] } : { stdin: { contents, loader } }
  const { outputFiles } = await build({
    ...entry,
    ...{ bundle: true, minify: true, write: false, format: 'iife', target: 'es2022', legalComments: 'none' },
    logLevel: 'warning',
  })
  return outputFiles?.[0]?.text ?? ''
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(target, await pageText())
