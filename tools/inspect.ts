import { checkOptions, type SessionOptions } from '../src/options.ts'
import { UsageError } from './arguments.ts'
import { givenBy } from './given.ts'
import { claimIn } from './inspect/claim.ts'
import { copiesOf } from './inspect/copies.ts'
import { inspectedOf } from './inspect/inspected.ts'
import { listOf } from './inspect/list.ts'
import { inspectedAsJson, inspectedAsText } from './inspect/report.ts'
import { everything, line, type World } from './world.ts'

export const inspectFlags = { json: 'switch', options: 'text', values: 'switch' } as const

/** Flags of `inspect`, read. */
export interface InspectFlags {
  readonly json?: boolean | undefined
  readonly options?: string | undefined
  readonly values?: boolean | undefined
}

/** More than a browser sends; what is larger was pasted by mistake. */
const mostCharacters = 16_384

/**
 * Looks at one session: what its claim check says, and what lies where. Nothing is changed by it, and the session is not kept alive.
 *
 * The cookie comes by standard input and not as an argument: arguments lie in the history of the shell, and every user of the machine
 * sees those of a running process.
 */
export async function inspect(world: World, { json, options: file, values = false }: InspectFlags): Promise<number> {
  const { options, store, problems } = await givenBy(world, file)
  try {
    const [problem] = problems
    if (problem) throw problem
    const settings = checkOptions(options as SessionOptions)
    const cookies = await cookiesOf(world, settings.cookie.name)
    const claimed = await claimIn(settings, cookies)
    if (claimed.status === 'bad') {
      await line(world.output, json === true ? JSON.stringify(claimed) : `no claim check of ours: ${claimed.reason}`)
      return 2
    }
    const [copies, list] = await Promise.all([copiesOf(settings.store, claimed), listOf(settings, claimed)])
    const inspected = inspectedOf(claimed, copies, list, settings)
    await line(world.output, json === true ? inspectedAsJson(inspected, values) : inspectedAsText(inspected, values))
    return inspected.verdict === 'lives' ? 0 : inspected.verdict === 'unavailable' ? 2 : 1
  } finally {
    await store?.close?.()
  }
}

/** A Cookie header, a Set-Cookie, or the value alone. */
async function cookiesOf(world: World, name: string): Promise<string> {
  await line(world.errors, 'The cookie is read from standard input: its value, or a whole Cookie header.')
  const text = (await everything(world.input)).trim().replace(/^(?:set-)?cookie:\s*/i, '')
  if (text === '') throw new UsageError('no cookie came by standard input')
  if (text.length > mostCharacters) throw new UsageError('what came by standard input is too long for cookies')
  return text.includes('=') ? text : `${name}=${text}`
}
