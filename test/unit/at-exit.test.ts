import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'

const module = new URL('../support/at-exit.ts', import.meta.url).href
/** Prints once its child runs, which keeps the same output open until it ends. */
const program = `
  const { spawn } = await import('node:child_process')
  const { endWithThis } = await import(${JSON.stringify(module)})
  const waits = 'console.log("runs"); setTimeout(() => {}, 20_000)'
  endWithThis(spawn(process.execPath, ['--eval', waits], { stdio: ['ignore', 'inherit', 'ignore'] }))`

test.each(['SIGTERM', 'SIGINT'] as const)('a forgotten child ends with its process, ended by %s', async (name) => {
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', program])
  await once(parent.stdout, 'data')
  const closed = once(parent.stdout, 'close').then(() => 'closed')
  parent.kill(name)
  expect(await Promise.race([closed, new Promise((late) => setTimeout(late, 5000, 'late'))])).toBe('closed')
})
