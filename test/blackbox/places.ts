import { isInstalled as hasLambda, howToInstall } from '../lambda/emulator.ts'
import { isInstalled, type Runtime, runtimes } from '../runtimes/support/runtimes.ts'
import { type Host, type Surroundings, startFunction, startServer, startWorkerd } from './hosts.ts'

/** Where the app runs, and the stores it has there. */
export interface Place {
  readonly name: string
  /** What the runtime begins with when it names itself. */
  readonly says: string
  readonly stores: readonly ('redis' | 'memcached')[]
  start(around: Surroundings): Promise<Host>
}

export { hasLambda }

if (!hasLambda) console.warn(`SKIPPED: the black box on Lambda. ${howToInstall}`)

const there = runtimes.filter(isInstalled)
const lambdas = [
  ['hono', 'Lambda, Hono'],
  ['session', 'Lambda, withSession'],
] as const

function server(runtime: Runtime): Place {
  const { says } = runtime
  return { name: says, says, stores: ['redis', 'memcached'], start: (around) => startServer(runtime, around) }
}

/** Its redis is the same one, through the Upstash protocol. */
const workerd: Place = {
  ...{ name: 'workerd', says: 'workerd', stores: ['redis'] },
  start: (around) => startWorkerd('worker', around),
}

/** The Node of the main folder runs it. */
function lambda(module: string, name: string): Place {
  return {
    ...{ name, says: `Node ${process.versions.node}`, stores: ['redis', 'memcached'] },
    start: (around) => startFunction(module, around),
  }
}

/** All that is installed, in the order of the table. */
export const places: readonly Place[] = [
  ...there.map((runtime) => (runtime.name === 'workerd' ? workerd : server(runtime))),
  ...(hasLambda ? lambdas.map(([module, name]) => lambda(module, name)) : []),
]
