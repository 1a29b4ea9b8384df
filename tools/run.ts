import { SessionOptionsError } from '../src/errors.ts'
import { readFlags, UsageError } from './arguments.ts'
import { line, type World } from './world.ts'

/** A command with its flags, loaded when it is called. */
type Command = (world: World, args: readonly string[]) => Promise<number>

const commands: Readonly<Record<string, Command>> = {
  async doctor(world, args) {
    const { doctor, doctorFlags } = await import('./doctor.ts')
    return doctor(world, readFlags(doctorFlags, args))
  },
  async inspect(world, args) {
    const { inspect, inspectFlags } = await import('./inspect.ts')
    return inspect(world, readFlags(inspectFlags, args))
  },
  async watch(world, args) {
    const { watch, watchFlags } = await import('./watch.ts')
    return watch(world, readFlags(watchFlags, args))
  },
  async keygen(world, args) {
    const { keygen, keygenFlags } = await import('./keygen.ts')
    return keygen(world, readFlags(keygenFlags, args))
  },
}

const help = `claimcheck: sessions, seen from outside

  keygen   a new secret
    --alg EdDSA|ES256    a pair of keys as JWK in its place
  doctor   looks at options and servers for what is set up wrongly: what, why it matters, what to do
    --json               for scripts
    --processes N        of the application, for its connections; 1
    --sessions N         at the busiest hour, for the memory
    --cycles N           sessions to try; 200
  inspect  one session, by a cookie on standard input: what its claim check says, and what lies where
    --json               for scripts
    --values             shows the values of its keys, too
  watch    every server, live
    --metrics URL        of a process of the application, in Prometheus' format: loads, losses and latency, too; may be repeated
    --every SECONDS      2
    --times N            pictures; until interrupted

  --options FILE         a module that exports the options of session(); without it the variables
                         that storeFromEnv reads, and SESSION_SECRET

Exit codes: 0 fine, 1 warnings, 2 errors.
`

/** Runs one command line; resolves to the exit code. Nothing it prints holds a secret, token, key or value that was not asked for. */
export async function run(world: World, args: readonly string[]): Promise<number> {
  const [name = '--help', ...rest] = args
  try {
    if (['help', '--help', '-h'].includes(name) || rest.includes('--help')) {
      await line(world.output, help.trimEnd())
      return 0
    }
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined
    if (command === undefined) throw new UsageError('unknown command')
    return await command(world, rest)
  } catch (error) {
    await line(world.errors, `claimcheck: ${messageOf(error)}`)
    return 2
  }
}

/** Our own words only: those of others may hold anything. */
function messageOf(error: unknown): string {
  if (error instanceof UsageError) return `${error.message}. npx claimcheck --help shows what there is`
  if (error instanceof SessionOptionsError) return error.message
  const name = error instanceof Error && /^\w{1,40}$/.test(error.name) ? error.name : 'something'
  return `failed by ${name}, which is a bug of this tool: please report it`
}
