import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { endWithThis } from '../support/at-exit.ts'

/** The checkout. */
export const root: string = join(import.meta.dirname, '../..')

export type Command = readonly [program: string, ...args: string[]]

/** Runs it in the checkout, its output shown; whether it succeeded. One that hangs has to fail. */
export function call([program, ...args]: Command, timeout?: number): Promise<boolean> {
  const child = spawn(program, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    killSignal: 'SIGKILL',
    ...(timeout === undefined ? {} : { timeout }),
  })
  endWithThis(child, 'SIGTERM')
  return new Promise((done) => {
    child.once('error', ({ message }) => {
      console.log(`${program}: ${message}`)
      done(false)
    })
    child.once('close', (code) => done(code === 0))
  })
}

/** The same beside other work, its output kept. */
export function callBeside([program, ...args]: Command, env: NodeJS.ProcessEnv = {}): Promise<Called> {
  const child = spawn(program, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  endWithThis(child, 'SIGTERM')
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  return new Promise((done) => {
    const settle = (succeeded: boolean) => done({ succeeded, output })
    child.once('error', ({ message }) => {
      output += `${program}: ${message}\n`
      settle(false)
    })
    child.once('close', (code) => settle(code === 0))
  })
}

export interface Called {
  readonly succeeded: boolean
  readonly output: string
}
