import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { secretsFrom } from '../adapters/platforms/container/config.ts'
import { storeFromEnv } from '../adapters/platforms/env.ts'
import { SessionOptionsError } from '../src/errors.ts'
import type { SessionOptions } from '../src/options.ts'
import type { Store } from '../src/store.ts'
import { UsageError } from './arguments.ts'
import type { World } from './world.ts'

/** What a command is about. */
export interface Given {
  /** As far as they are known; undefined where they are so wrong that there are none. */
  readonly options: Partial<SessionOptions>
  readonly store: Store | undefined
  /** What is wrong with the environment, one message each: of our own words, without a value. */
  readonly problems: readonly SessionOptionsError[]
}

/** The options of a module, or of the environment. */
export async function givenBy(world: World, file: string | undefined): Promise<Given> {
  return file === undefined ? ofEnvironment(world.env) : ofModule(file)
}

async function ofEnvironment(env: object): Promise<Given> {
  const problems: SessionOptionsError[] = []
  const attempt = async <Result>(work: () => Result | Promise<Result>): Promise<Result | undefined> => {
    try {
      return await work()
    } catch (error) {
      if (!isOptionsError(error)) throw error
      problems.push(error)
      return undefined
    }
  }
  const secret = await attempt(() => secretsFrom(env))
  const store = await attempt(() => storeFromEnv(env))
  return { options: { ...(secret && { secret }), ...(store && { store }) }, store, problems }
}

/** The module may come with another copy of this package, so its errors are known by their code. */
const isOptionsError = (error: unknown): error is SessionOptionsError =>
  error instanceof SessionOptionsError || (error as { code?: unknown } | undefined)?.code === 'invalid-options'

async function ofModule(file: string): Promise<Given> {
  const options = await optionsIn(file)
  const store = isStore(options.store) ? options.store : undefined
  return { options, store, problems: [] }
}

/** `export const options`, or the default export: the options of `session()`, or a function that gives them. */
async function optionsIn(file: string): Promise<Partial<SessionOptions>> {
  try {
    const module = (await import(pathToFileURL(resolve(file)).href)) as Record<string, unknown>
    const exported = module.options ?? module.default
    const options: unknown = typeof exported === 'function' ? await exported() : exported
    if (typeof options === 'object' && options !== null) return options
  } catch (error) {
    if (isOptionsError(error)) throw new SessionOptionsError(error.message)
    // What somebody else's module says when it fails may hold anything.
    throw new UsageError('the module of --options cannot be loaded: run it with node to see why')
  }
  throw new UsageError('the module of --options must export the options of session(), as options or as default')
}

const isStore = (value: unknown): value is Store =>
  typeof value === 'object' && value !== null && typeof (value as Store).read === 'function'
