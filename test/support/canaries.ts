import { createHash } from 'node:crypto'
import { type InspectOptions, inspect } from 'node:util'
import { tokenOf } from './app.ts'

/** Shows all of a thing, also what `util.inspect` leaves out by default. */
export const show: InspectOptions = {
  showHidden: true,
  depth: 12,
  getters: true,
  maxStringLength: null,
  maxArrayLength: null,
}

/** Every face of an error and of its causes. */
export function facesOf(error: unknown): string[] {
  const faces: string[] = []
  for (let at = error; at !== undefined && at !== null; at = (at as { cause?: unknown }).cause) {
    faces.push(inspect(at, show), String(at), JSON.stringify(at))
    if (at instanceof Error) faces.push(at.message, at.stack ?? '')
  }
  return faces
}

/** What must be nowhere, by the name that may be told where it is found. */
export type Canaries = ReadonlyMap<string, string>

/** Bytes in every spelling in which somebody could print them. */
function spellings(name: string, bytes: Buffer): readonly (readonly [string, string])[] {
  const encodings = (['hex', 'base64', 'base64url'] as const).map((one) => [one, bytes.toString(one)] as const)
  return [...encodings, ['bytes', inspect(bytes).slice(8, 60)] as const].map(([how, text]) => [`${name}, ${how}`, text])
}

/** Texts, in every spelling. */
export const ofTexts = (texts: Readonly<Record<string, string>>): Canaries =>
  new Map(Object.entries(texts).flatMap(([name, text]) => [[name, text], ...spellings(name, Buffer.from(text))]))

/** Of the cookies of sessions: tokens and their parts, ids, names of subjects, and the store keys of both. */
export function ofCookies(cookies: Iterable<string>): Canaries {
  return new Map(
    [...cookies].flatMap((cookie, at) => {
      const [, payload = '', mac = ''] = tokenOf(cookie).split('.')
      const { sid, sub } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sid: string; sub?: string }
      const names = Object.entries({ id: sid, ...(sub !== undefined && { 'name of the subject': sub }) })
      const keyed = names.flatMap(([name, text]) => {
        const bytes = name === 'id' ? Buffer.from(text, 'base64url') : Buffer.from(text)
        const hash = createHash('sha256').update(bytes).digest()
        return [...spellings(name, bytes), ...spellings(`store key of the ${name}`, hash), [name, text] as const]
      })
      const all = [['payload of the token', payload], ['signature of the token', mac], ...keyed] as const
      return all.map(([name, text]): [string, string] => [`${name} (${at})`, text])
    }),
  )
}

/** The names of those that a text holds. */
export const foundIn = (text: string, canaries: Canaries): readonly string[] =>
  [...canaries].filter(([, word]) => text.includes(word)).map(([name]) => name)
