import diagnostics from 'node:diagnostics_channel'
import { inspect } from 'node:util'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { SessionError, StoreUnavailableError } from '../../src/errors.ts'
import { createSessions } from '../../src/sessions.ts'
import { commits, loads } from '../../src/tracing/channels.ts'
import { tracing as none } from '../../src/tracing/none.ts'
import { trace } from '../../src/tracing/trace.ts'
import { type Any, browser, kit, tokenOf, withData } from '../support/app.ts'

type Message = Record<string, unknown>

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

/** What a listener of a channel is told: the name of the moment, and the message as it is then. */
function listen(name: string) {
  const heard: { readonly at: string; readonly message: Message }[] = []
  const note = (at: string) => (message: unknown) => void heard.push({ at, message: { ...(message as Message) } })
  const listener = {
    start: note('start'),
    end: note('end'),
    asyncStart: note('asyncStart'),
    asyncEnd: note('asyncEnd'),
    error: note('error'),
  }
  const channel = diagnostics.tracingChannel(name)
  channel.subscribe(listener)
  stops.push(() => channel.unsubscribe(listener))
  return { heard, ended: () => heard.filter(({ at }) => at === 'asyncEnd').map(({ message }) => message) }
}

describe('the channel claimcheck:load', () => {
  it('tells of one load: the store and the ref at its start, how it went at its end', async () => {
    const { test, user } = await withData()
    const { heard } = listen('claimcheck:load')
    await user.visit((session) => Promise.all([session.get('user'), session.get('cart')]))
    expect(heard.map(({ at }) => at)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
    const [load] = test.events
    expect(heard[0]?.message).toEqual({ store: 'memory', ref: undefined })
    expect(heard[3]?.message).toEqual({
      ...{ store: 'memory', ref: load?.ref, hit: true, roundTrips: 1, durationMs: expect.any(Number) },
      result: undefined,
    })
  })

  it('says why there is no session, also where there is no onEvent', async () => {
    const test = kit({ onEvent: undefined })
    const { ended } = listen('claimcheck:load')
    await test.browser().visit((session) => session.get('user'))
    expect(ended()).toMatchObject([{ hit: false, reason: 'never-stored', roundTrips: 0 }])
  })

  it('tells of an outage by code and reason, and gives the error itself to nobody but the caller', async () => {
    const { test, user } = await withData()
    const { heard } = listen('claimcheck:load')
    const error = new StoreUnavailableError('down', {
      reason: 'refused',
      node: 'n1',
      cause: new Error('GET session:k'),
    })
    const store = { ...test.memory, read: async () => Promise.reject(error) }
    const away = browser(createSessions<Any>({ ...test.options, store }), user.cookie)
    await expect(away.visit((session) => session.get('user'))).rejects.toBe(error)
    const told = heard.find(({ at }) => at === 'error')?.message.error
    expect(told).not.toBeInstanceOf(SessionError)
    expect(told).toMatchObject({ name: 'StoreUnavailableError', code: 'unavailable', reason: 'refused', node: 'n1' })
    expect(inspect(heard, { depth: 9 })).not.toContain('session:k')
  })
})

describe('the channel claimcheck:commit', () => {
  it('tells of each commit that writes or ends a session, and of no other', async () => {
    const { user } = await withData()
    const { ended } = listen('claimcheck:commit')
    await user.visit((session) => session.get('user'))
    await user.visit(() => undefined)
    await user.visit((session) => session.set('cart', ['milk']))
    await user.visit((session) => session.regenerate())
    await user.visit((session) => session.destroy())
    expect(ended()).toMatchObject([
      { outcome: 'updated', store: 'memory', attempts: 1, roundTrips: 1, bytes: expect.any(Number) },
      { outcome: 'regenerated', attempts: 1, roundTrips: 2 },
      { outcome: 'destroyed', roundTrips: 1 },
    ])
  })

  it('tells of the commit of a session that is opened again', async () => {
    const { test, user } = await withData()
    const opened = test.sessions.open(user.cookie)
    await opened.commit()
    const { ended } = listen('claimcheck:commit')
    const { session, commit } = opened.session.reopen()
    session.set('cart', [])
    await commit()
    expect(ended()).toMatchObject([{ outcome: 'updated' }])
  })

  it('tells why a change was refused', async () => {
    const { test, user } = await withData()
    const { heard } = listen('claimcheck:commit')
    const late = test.sessions.open(user.cookie)
    await late.session.get('user')
    late.session.set('user', 'bob')
    await browser(test.sessions, user.cookie).visit((session) => session.set('user', 'carol'))
    await expect(late.commit()).rejects.toMatchObject({ code: 'conflict' })
    const error = heard.find(({ at }) => at === 'error')?.message
    expect(error).toMatchObject({ reason: 'changed-key', error: { code: 'conflict', name: 'SessionConflictError' } })
  })

  it('tells of the load in it by that channel alone, with calls that can be added up', async () => {
    const { user } = await withData()
    const [load, commit] = [listen('claimcheck:load'), listen('claimcheck:commit')]
    await user.visit((session) => session.set('cart', []))
    expect(load.ended()).toMatchObject([{ hit: true, roundTrips: 1 }])
    expect(commit.ended()).toMatchObject([{ outcome: 'updated', roundTrips: 1 }])
    expect(commit.ended()[0]).not.toHaveProperty('hit')
  })
})

describe('the channels', () => {
  it('hold no secret, id, token, key or value', async () => {
    const { test, user } = await withData({ user: 'DATA-CANARY-4711' })
    const [load, commit] = [listen('claimcheck:load'), listen('claimcheck:commit')]
    await user.visit((session) => session.get('user'))
    const token = tokenOf(user.cookie)
    await user.visit((session) => session.set('more', 'DATA-CANARY-4711'))
    await user.visit((session) => session.regenerate())
    test.failing.always('throw')
    await user.visit((session) => session.set('more', 1)).catch(() => {})
    const seen = inspect([load.heard, commit.heard], { depth: 12, showHidden: true, maxStringLength: null })
    const { sid } = JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString())
    for (const word of ['DATA-CANARY', 'TEST-SECRET', token.slice(40), sid, ...test.keys])
      expect(seen).not.toContain(word)
    expect(commit.heard.length).toBeGreaterThan(8)
  })

  it('are left alone where nobody listens: one look at each, and nothing is made', async () => {
    const { user } = await withData()
    const calls = [loads, commits].map((channel) => vi.spyOn(channel.start, 'runStores'))
    const looks = [loads, commits].map((channel) => vi.spyOn(channel, 'hasSubscribers', 'get'))
    await user.visit((session) => session.get('user'))
    await user.visit((session) => session.set('cart', []))
    expect(calls.map(({ mock }) => mock.calls.length)).toEqual([0, 0])
    expect(looks.map(({ mock }) => mock.calls.length)).toEqual([2, 1])
    vi.restoreAllMocks()
  })

  it.each(['done', new Error('refused')])(
    'let nobody go on with work before its listeners are told: %s',
    async (end) => {
      const { heard } = listen('claimcheck:load')
      const work = () => Promise.resolve().then(() => (end instanceof Error ? Promise.reject(end) : end))
      const told: string[][] = []
      const goOn = () => void told.push(heard.map(({ at }) => at))
      await trace(loads, {}, work, () => heard.push({ at: 'afterwards', message: {} })).then(goOn, goOn)
      const error = end instanceof Error ? ['error'] : []
      expect(told).toEqual([['start', 'end', ...error, 'asyncStart', 'asyncEnd', 'afterwards']])
    },
  )

  it('are silent on a runtime that has none', async () => {
    const channel = none.channel('claimcheck:load')
    expect(await trace(channel, {}, async () => 'done')).toBe('done')
    expect(channel.hasSubscribers).toBe(false)
  })
})
