import { setTimeout as pause } from 'node:timers/promises'
import { SessionOptionsError } from '../src/errors.ts'
import { UsageError } from './arguments.ts'
import { givenBy } from './given.ts'
import { type Counters, countersAt, grownSince, type Rates, ratesOf } from './watch/application.ts'
import { type NodeFigures, type NodeSource, sourcesOf } from './watch/nodes.ts'
import { pictureOf, type View } from './watch/picture.ts'
import { line, type World } from './world.ts'

export const watchFlags = { options: 'text', metrics: 'texts', every: 'number', times: 'number' } as const

/** Flags of `watch`, read. */
export interface WatchFlags {
  readonly options?: string | undefined
  readonly metrics?: readonly string[] | undefined
  readonly every?: number | undefined
  readonly times?: number | undefined
}

const usualSeconds = 2
/** Enough for a percentile that one slow answer does not make. */
const rememberedAnswers = 100
const home = '\x1b[H\x1b[J'

/**
 * Looks again and again, until it is interrupted: at every server of the store, and where `--metrics` names them at the processes of
 * the application. In a terminal each picture takes the place of the last; elsewhere they follow each other.
 */
export async function watch(world: World, { options, metrics = [], every, times }: WatchFlags): Promise<number> {
  for (const url of metrics)
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
      throw new UsageError('--metrics takes the URL of an endpoint')
  const { store, problems } = await givenBy(world, options)
  // A secret is not needed to look.
  const problem = problems.find(({ message }) => !message.startsWith('SESSION_SECRET'))
  if (problem) throw problem
  if (store === undefined || store.name === 'memory')
    throw new SessionOptionsError('there is no server to watch: sessions are in memory')
  const sources = await sourcesOf(store)
  try {
    await pictures(
      world,
      new Watch(sources, metrics),
      (every ?? usualSeconds) * 1000,
      times ?? Number.POSITIVE_INFINITY,
    )
    return 0
  } finally {
    for (const source of sources) source.close()
    await store.close?.()
  }
}

async function pictures(
  { output, signal, now }: World,
  watching: Watch,
  everyMs: number,
  times: number,
): Promise<void> {
  // Rates are between two looks, so the first is not shown.
  await watching.look(now(), signal)
  for (let shown = 0; shown < times; shown++) {
    await pause(everyMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    const view = await watching.look(now(), signal)
    await line(output, (output.isTTY === true ? home : shown > 0 ? '\n' : '') + pictureOf(view))
  }
}

/** What was seen last, since only the difference to it says how things are going. */
class Watch {
  readonly #sources: readonly NodeSource[]
  readonly #urls: readonly string[]
  #nodes: ReadonlyMap<string, NodeFigures> = new Map()
  readonly #answers = new Map<string, number[]>()
  readonly #processes = new Map<string, Counters>()
  #lookedAt = 0

  constructor(sources: readonly NodeSource[], urls: readonly string[]) {
    this.#sources = sources
    this.#urls = urls
  }

  async look(at: number, signal: AbortSignal): Promise<View> {
    const lookedAt = performance.now()
    const seconds = Math.max((lookedAt - this.#lookedAt) / 1000, 0.001)
    this.#lookedAt = lookedAt
    const [asked, application] = await Promise.all([
      Promise.all(this.#sources.map((source) => source.ask())),
      this.#lookAtProcesses(seconds, signal),
    ])
    const before = this.#nodes
    const nodes = asked.flat()
    this.#nodes = new Map(nodes.map((one) => [one.node, one]))
    const views = nodes.map((now) => ({ now, before: before.get(now.node), answers: this.#remember(now) }))
    return { at, seconds, application: this.#urls.length === 0 ? undefined : application, nodes: views }
  }

  #remember({ node, answerMs }: NodeFigures): readonly number[] {
    const answers = this.#answers.get(node) ?? []
    this.#answers.set(node, answers)
    if (answerMs !== undefined) answers.push(answerMs)
    if (answers.length > rememberedAnswers) answers.shift()
    return answers
  }

  async #lookAtProcesses(seconds: number, signal: AbortSignal) {
    const grown: Counters[] = []
    let answering = 0
    await Promise.all(
      this.#urls.map(async (url) => {
        const counters = await countersAt(url, signal)
        const before = this.#processes.get(url)
        // Who was away begins anew: what happened meanwhile is no rate of the last seconds.
        this.#processes.delete(url)
        if (counters === undefined) return
        answering++
        this.#processes.set(url, counters)
        if (before) grown.push(grownSince(before, counters))
      }),
    )
    const rates: Rates | undefined = grown.length === 0 ? undefined : ratesOf(grown, seconds)
    return { rates, answering, asked: this.#urls.length }
  }
}
