import { parseArgs } from 'node:util'

/** The command was not understood: how it is called is shown, and the exit code is 2. */
export class UsageError extends Error {}

/** What the flags of a command are: whether each takes a value, and whether that is a number. */
export type Flags = Readonly<Record<string, 'switch' | 'text' | 'texts' | 'number'>>

type ValueOf<Kind> = Kind extends 'switch'
  ? boolean
  : Kind extends 'number'
    ? number
    : Kind extends 'texts'
      ? string[]
      : string

/** The flags that were given. */
export type Given<F extends Flags> = { readonly [Name in keyof F]?: ValueOf<F[Name]> | undefined }

/** Reads flags strictly; throws {@link UsageError}, which names a flag and never shows what was given: people paste tokens. */
export function readFlags<const F extends Flags>(flags: F, given: readonly string[]): Given<F> {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, kind]) => [
      name,
      { type: kind === 'switch' ? ('boolean' as const) : ('string' as const), multiple: kind === 'texts' },
    ]),
  )
  const values = parsed(options, given)
  const read = Object.entries(values).map(([name, value]) => [
    name,
    flags[name] === 'number' ? wholeNumber(name, value) : value,
  ])
  return Object.fromEntries(read) as Given<F>
}

function parsed(options: NonNullable<Parameters<typeof parseArgs>[0]>['options'], args: readonly string[]) {
  try {
    return parseArgs({ options: options ?? {}, args: [...args], strict: true, allowPositionals: false }).values
  } catch (error) {
    throw new UsageError(usageOf(error))
  }
}

function usageOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const [flag] = /--?[a-z][a-z-]{0,20}(?![\w-])/.exec((error as Error).message) ?? []
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') return `unknown flag${flag === undefined ? '' : ` ${flag}`}`
  if (code === 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE')
    return `${flag ?? 'a flag'} takes ${takes((error as Error).message)}`
  return 'one argument too many: everything but the command is a flag'
}

const takes = (message: string) => (message.includes('does not take') ? 'no value' : 'a value')

function wholeNumber(name: string, text: unknown): number {
  if (typeof text !== 'string' || !/^[1-9]\d{0,11}$/.test(text))
    throw new UsageError(`--${name} takes a whole number of at least 1`)
  return Number(text)
}
