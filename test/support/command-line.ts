import { Writable } from 'node:stream'
import { run } from '../../tools/run.ts'
import type { World } from '../../tools/world.ts'

/** What one command line came to. */
export interface Ran {
  readonly code: number
  readonly output: string
  readonly errors: string
}

/** Runs a command in this process; `given` takes the place of what a terminal would be. */
export async function commandLine(
  args: readonly string[],
  given: Partial<Omit<World, 'input'>> & { readonly input?: string } = {},
): Promise<Ran> {
  const [output, errors] = [collector(), collector()]
  const { input = '', ...rest } = given
  const world: World = {
    env: {},
    input: (async function* () {
      yield input
    })(),
    output: output.stream,
    errors: errors.stream,
    now: Date.now,
    lookup: async (name) => [{ address: name === 'localhost' ? '127.0.0.1' : name, family: 4 }],
    signal: new AbortController().signal,
    ...rest,
  }
  const code = await run(world, args)
  return { code, output: output.text(), errors: errors.text() }
}

/** A command that goes on until it is stopped. */
export interface Running {
  /** Waits until what it has printed fits; fails with all of it where that takes a minute. */
  printed(pattern: RegExp): Promise<string>
  /** As Ctrl-C does. */
  stop(): Promise<Ran>
}

/** Starts a command in this process. */
export function startCommand(args: readonly string[], env: object): Running {
  const interrupted = new AbortController()
  const output = collector()
  const ran = commandLine(args, { env, output: output.stream, signal: interrupted.signal })
  return {
    async printed(pattern) {
      const deadline = Date.now() + 60_000
      while (!pattern.test(output.text())) {
        if (Date.now() > deadline) throw new Error(`${pattern} was not printed:\n${output.text()}`)
        await new Promise((wait) => setTimeout(wait, 50))
      }
      return output.text()
    },
    async stop() {
      interrupted.abort()
      return { ...(await ran), output: output.text() }
    },
  }
}

function collector() {
  let text = ''
  const stream = new Writable({
    write(chunk, _, done) {
      text += chunk
      done()
    },
  })
  return { stream, text: () => text }
}
