import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { expect, it, vi } from 'vitest'
import type { SessionEventHandler } from '../../src/events.ts'
import { browser, kit } from '../support/app.ts'
import { forge } from '../support/forge.ts'

/** The program of the page that has this word in it, as a module. */
async function recipe(word: string): Promise<{ readonly onEvent: SessionEventHandler }> {
  const page = readFileSync(new URL('../../docs/events.md', import.meta.url), 'utf8')
  const programs = [...page.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code = '']) => code)
  const code = stripTypeScriptTypes(programs.find((program) => program.includes(word)) as string)
  return import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(code)}`)
}

it('the recipe of docs/events.md writes a line for all that an audit asks for, and nothing else', async () => {
  const lines: Record<string, string>[] = []
  const log = vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(JSON.parse(line)))
  const { onEvent } = await recipe('session_renewed')
  const test = kit({ onEvent })
  const user = test.browser()
  const read = (cookie: string | undefined) => browser(test.sessions, cookie).visit((session) => session.get('user'))
  await read(undefined)
  await user.visit((session) => session.set('user', 'alice'))
  await user.visit((session) => session.set('cart', ['tea']))
  const before = user.cookie
  await user.visit((session) => session.regenerate({ reauthenticated: true }))
  const after = user.cookie
  await read(before)
  await user.visit((session) => session.destroy())
  await read(after)
  const idle = test.browser()
  await idle.visit((session) => session.set('user', 'bob'))
  const lost = test.browser()
  await lost.visit((session) => session.set('user', 'carol'))
  await test.memory.delete(test.keys.at(-1) as string)
  await read(lost.cookie)
  test.clock.advance(1_800_000)
  await read(idle.cookie)
  await read((await forge(test.clock.now(), 'a secret of somebody else, 32 bytes')).cookie)
  log.mockRestore()
  const [created, renewed] = lines
  const told = lines.map(({ event, reason }) => (reason === undefined ? event : `${event} ${reason}`))
  expect(told).toEqual([
    'session_created',
    'session_renewed',
    'session_use_after_expire regenerated',
    'session_ended',
    'session_use_after_expire logged-out',
    'session_created',
    'session_created',
    'session_lost evicted',
    'session_expired idle',
    'session_refused unknown-key',
  ])
  expect(renewed).toMatchObject({ previousRef: created?.ref, store: 'memory' })
  expect(created?.ref).toMatch(/^[\w-]{8}$/)
  expect(lines.every(({ datetime }) => /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(datetime ?? ''))).toBe(true)
})
