import { execFile } from 'node:child_process'
import { join } from 'node:path'

export const root: string = join(import.meta.dirname, '../../..')

export interface Outcome {
  readonly code: number
  readonly stdout: string
  /** Both streams, for messages. */
  readonly output: string
}

/** Runs a program to its end; a failing one is an outcome, not an exception. */
export function run(command: string, args: readonly string[], cwd: string = root): Promise<Outcome> {
  return new Promise((settle) => {
    execFile(command, args, { cwd, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
      settle({ code, stdout, output: `${stdout}${stderr}${error && !stdout && !stderr ? error.message : ''}` })
    })
  })
}

/** Runs a program that has to succeed; the error says what it was for and shows its output. */
export async function runOrThrow(purpose: string, ...command: Parameters<typeof run>): Promise<string> {
  const { code, stdout, output } = await run(...command)
  if (code !== 0) throw new Error(`${purpose}: ${command[0]} ${command[1].join(' ')} ended with ${code}\n${output}`)
  return stdout
}
