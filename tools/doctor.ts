import { examine } from './doctor/examine.ts'
import { reportAsJson, reportAsText } from './doctor/report.ts'
import { exitCodeOf } from './finding.ts'
import { givenBy } from './given.ts'
import { line, type World } from './world.ts'

export const doctorFlags = {
  json: 'switch',
  options: 'text',
  processes: 'number',
  sessions: 'number',
  cycles: 'number',
} as const

/** Flags of `doctor`, read. */
export interface DoctorFlags {
  readonly json?: boolean | undefined
  readonly options?: string | undefined
  readonly processes?: number | undefined
  readonly sessions?: number | undefined
  readonly cycles?: number | undefined
}

/**
 * Looks for what is set up wrongly: in the options, at every server, and between them.
 *
 * It writes keys of its own (`claimcheck:check:*`) and takes them away again; nothing of anybody's session is read or changed.
 */
export async function doctor(world: World, { json, options, ...expected }: DoctorFlags): Promise<number> {
  const given = await givenBy(world, options)
  try {
    const examined = await examine(world, given, expected)
    await line(world.output, json === true ? reportAsJson(examined) : reportAsText(examined))
    return exitCodeOf(examined.findings)
  } finally {
    await given.store?.close?.()
  }
}
