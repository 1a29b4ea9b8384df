import { describe, expect, it } from 'vitest'
import { readCookie } from '../../src/claim/cookie.ts'
import { createSessions } from '../../src/index.ts'
import { secret } from '../support/app.ts'
import { publicVectors } from '../support/public-vectors.ts'
import { type AppData, sessionApp } from '../support/session-app.ts'

interface Case {
  readonly test: string
  readonly sent: readonly { readonly name: string; readonly value: string }[]
}

const cases = publicVectors<readonly Case[]>('http-state/parser.json', 'the cookie cases of abarth/http-state')

describe.skipIf(cases === undefined)('what browsers send (abarth/http-state, tests/data/parser.json)', async () => {
  const { clock, login, store } = sessionApp()
  const token = await login('alice')
  const sessions = createSessions<AppData>({ store, secret, now: clock.now })
  const headers = (cases ?? []).map(({ sent }) => sent.map(({ name, value }) => `${name}=${value}`).join('; '))
  const user = (header: string) => sessions.open(header).session.get('user')

  it('is what was counted: 222 cases, 135 of them with cookies', () => {
    expect([headers.length, headers.filter((header) => header !== '').length]).toEqual([222, 135])
  })

  it('is no session alone, and costs the store nothing', async () => {
    store.reset()
    for (const header of headers) expect(await user(header)).toBeUndefined()
    expect(store.roundTrips).toBe(0)
  })

  it('does not hide the session cookie beside it, before or after', async () => {
    for (const header of headers.filter((text) => text !== '')) {
      expect(readCookie(`${header}; __Host-sid=${token}`, '__Host-sid')).toEqual([token])
      expect(await user(`${header}; __Host-sid=${token}`)).toBe('alice')
      expect(await user(`__Host-sid=${token}; ${header}`)).toBe('alice')
    }
  })

  it('reads each cookie as it was sent', () => {
    for (const { sent } of cases ?? []) {
      for (const { name, value } of sent.filter(({ name }) => name !== '')) {
        const header = sent.map((cookie) => `${cookie.name}=${cookie.value}`).join('; ')
        expect(readCookie(header, name)).toContain(value)
      }
    }
  })
})
