import { readFileSync } from 'node:fs'

const root = new URL('../../', import.meta.url)
const { exports } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))

/** A public subpath of the library as it is built: what is measured is what ships. */
export function ours(subpath) {
  return import(new URL(exports[subpath].default, root).href)
}
