import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import type { SessionEvent } from '../../src/events.ts'
import { type SessionEnv, session } from '../../src/hono.ts'
import { createSessions, type Sessions } from '../../src/sessions.ts'
import { nodeServer } from '../support/node-server.ts'

interface Data {
  user: string
}

const secret = 'a secret of the tests of watching: 7Gq2'
const build = (onEvent?: (event: SessionEvent) => void) =>
  createSessions<Data>({ store: memoryStore(), secret, onEvent })

async function write(sessions: Sessions<Data>): Promise<void> {
  const { session, commit } = sessions.open(undefined)
  session.set('user', 'ada')
  await commit()
}

describe('whoever watches sessions', () => {
  it('is told what the option onEvent is told, from now on and until it stops', async () => {
    const option: string[] = []
    const watcher: string[] = []
    const sessions = build(({ type }) => option.push(type))
    await write(sessions)
    const stop = sessions.watch(({ type }) => watcher.push(type))
    await write(sessions)
    stop()
    await write(sessions)
    expect(option).toEqual(['load', 'commit', 'load', 'commit', 'load', 'commit'])
    expect(watcher).toEqual(['load', 'commit'])
  })

  it('makes events where there is no onEvent, and none are made when it has stopped', async () => {
    const asked = { times: 0 }
    const store = {
      ...memoryStore(),
      get name() {
        asked.times++
        return 'memory'
      },
    }
    const sessions = createSessions<Data>({ store, secret })
    await write(sessions)
    expect(asked.times).toBe(0)
    const stop = sessions.watch(() => {})
    await write(sessions)
    expect(asked.times).toBeGreaterThan(0)
    stop()
    const before = asked.times
    await write(sessions)
    expect(asked.times).toBe(before)
  })

  it('fails no request, no other watcher and not the process', async () => {
    const told: string[] = []
    const sessions = build()
    sessions.watch(() => {
      throw new Error('a watcher that is broken')
    })
    // biome-ignore lint/nursery/noMisusedPromises: what happens to such a handler is tested.
    sessions.watch(async () => {
      throw new Error('a watcher that is broken later')
    })
    sessions.watch(({ type }) => told.push(type))
    await write(sessions)
    expect(told).toEqual(['load', 'commit'])
  })

  it('stops alone, also where the same function watches twice', async () => {
    const told: string[] = []
    const sessions = build()
    const handler = ({ type }: SessionEvent) => told.push(type)
    const stop = sessions.watch(handler)
    sessions.watch(handler)
    stop()
    stop()
    await write(sessions)
    expect(told).toEqual(['load', 'commit'])
  })

  it('is told when the secrets could not be asked for', async () => {
    const told: string[] = []
    const sessions = createSessions<Data>({ store: memoryStore(), secret: () => Promise.reject(new Error('away')) })
    sessions.watch(({ type }) => told.push(type))
    await expect(write(sessions)).rejects.toThrow('no secrets yet')
    expect(told).toContain('secrets-kept')
  })

  it('must be a function', () => {
    expect(() => build().watch(undefined as never)).toThrow('watch needs a function')
  })
})

describe('sessions that are there', () => {
  it('are the sessions of a Hono app, once, however often they are mounted', async () => {
    const told: string[] = []
    const sessions = build()
    sessions.watch(({ type }) => told.push(type))
    const app = new Hono<SessionEnv<Data>>()
    app.use(session(sessions), session(sessions))
    app.get('/', (c) => {
      c.var.session.set('user', 'ada')
      return c.text('done')
    })
    const answer = await app.request('/')
    expect(answer.headers.getSetCookie()).toHaveLength(1)
    expect(told).toEqual(['load', 'commit'])
  })

  it('are the sessions of a server of node:http', async () => {
    const told: string[] = []
    const sessions = build()
    sessions.watch(({ type }) => told.push(type))
    await using server = await nodeServer(sessions as never, (req, res) => {
      req.session.set('user', 'ada')
      res.end('done')
    })
    expect((await server.fetch('/')).headers.getSetCookie()).toHaveLength(1)
    expect(told).toEqual(['load', 'commit'])
  })
})
