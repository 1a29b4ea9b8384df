import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { atExit } from '../support/at-exit.ts'
import { type Command, root } from './command.ts'
import { type Found, foundIn } from './lines.ts'

export interface VitestOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Whether its output is kept; else it is shown. */
  readonly isKept?: boolean
  /** Where its lines go, for who wants to read them meanwhile. */
  readonly lines?: string
  /** Seconds in which no test begins or ends, after which it hangs: far more than any test or installation takes. */
  readonly stillSeconds?: number
}

export interface VitestResult extends Omit<Found, 'hasEnded' | 'underWay'> {
  readonly output: string
  readonly seconds: number
}

/**
 * Runs Vitest, which hangs where it stands still, and not where it takes long. What it counted before it was ended counts.
 */
export async function runVitest(
  [program, ...args]: Command,
  { env = {}, isKept = false, lines = newFile(), stillSeconds = 600 }: VitestOptions = {},
): Promise<VitestResult> {
  const started = performance.now()
  const reporters = ['--reporter=default', `--reporter=${join(root, 'test/run/progress.ts')}`]
  const child = spawn(program, [...args, '--allowOnly=false', ...reporters], {
    ...{ cwd: root, stdio: ['ignore', isKept ? 'pipe' : 'inherit', isKept ? 'pipe' : 'inherit'] },
    // A group of its own: ended with all that it has started.
    ...{ env: { ...process.env, ...env, CLAIMCHECK_LINES: lines }, detached: true },
  })
  const forget = atExit(() => endGroup(child, 'SIGTERM'))
  const output = keep(child)
  const watch = watchFor(lines, stillSeconds, () => void end(child))
  const ended = await Promise.race([once(child, 'close'), once(child, 'error')]).then(([how, signal]) => how ?? signal)
  watch.stop()
  forget()
  const found = foundIn(lines)
  const faults = [...found.faults, ...faultOf(found, ended, watch.isStill(), stillSeconds)]
  return { files: found.files, faults, output: output(), seconds: (performance.now() - started) / 1000 }
}

const newFile = () => join(mkdtempSync(join(tmpdir(), 'claimcheck-lines-')), 'lines')

function faultOf(found: Found, ended: unknown, isStill: boolean, stillSeconds: number): string[] {
  const { files, faults, underWay, hasEnded } = found
  const during = underWay.length > 0 ? `; under way: ${underWay.join('; ')}` : ''
  if (isStill) return [`Vitest hung: no test began or ended for ${stillSeconds} s${during}`]
  if (!hasEnded) return [`Vitest ended with ${ended} before its tests had${during}`]
  const tests = [...files.values()].flat()
  if (tests.length === 0) return ['Vitest found no test']
  const isExplained = faults.length > 0 || tests.some(({ status }) => status === 'failed')
  return ended === 0 || isExplained ? [] : [`Vitest ended with ${ended}, though no test failed`]
}

/** Looks whether a file grows. */
export interface Watch {
  stop(): void
  isStill(): boolean
}

/**
 * Calls `onStill` when the file has not grown for so long. Seconds are counted as this process gets them: where the machine stands
 * still, nothing else is to be blamed.
 */
export function watchFor(file: string, stillSeconds: number, onStill: () => void): Watch {
  let [size, still] = [0, 0]
  const timer = setInterval(() => {
    const now = statSync(file, { throwIfNoEntry: false })?.size ?? 0
    still = now === size ? still + 1 : 0
    size = now
    if (still === stillSeconds) onStill()
  }, 1000)
  return { stop: () => clearInterval(timer), isStill: () => still >= stillSeconds }
}

function keep(child: ChildProcess): () => string {
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  return () => output
}

/** What can still hear a signal ends its servers; what cannot is ended. */
async function end(child: ChildProcess): Promise<void> {
  endGroup(child, 'SIGTERM')
  await sleep(5000)
  endGroup(child, 'SIGKILL')
}

function endGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal)
  } catch {
    // It has ended.
  }
}
