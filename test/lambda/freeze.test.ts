import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, test } from 'vitest'
import { startMemcached, type TestServer } from '../support/servers.ts'
import { deaths, startFirewall } from './firewall.ts'
import { bundle, start, Visitor } from './instance.ts'

/** A minute in the long run, which `CLAIMCHECK_FAULTS=long` asks for. */
const freezeMs = process.env.CLAIMCHECK_FAULTS === 'long' ? 60_000 : 3500

/** Many thaw at once here, so 250 ms may be too little for a store that is well. For one that is not no time is enough. */
const patient = { PATIENCE: '1000' }

let folder: string
let server: TestServer
beforeAll(async () => {
  folder = await bundle('shop')
  server = await startMemcached()
})
afterAll(() => server?.stop())

/** What an instance does first after a thaw, what it must answer, and what is there then. */
const firsts = [
  ['reads', '/who', 'alice: tea', 'alice: tea'],
  ['reads and writes', '/add/milk', 'alice: tea milk', 'alice: tea milk'],
  ['writes without a read', '/set/bob', 'bob: ', 'bob: tea'],
  ['logs in', '/login/bob', 'bob: tea', 'bob: tea'],
  ['logs out', '/logout', 'nobody: ', 'nobody: '],
  ['begins a session', '/set/carol', 'carol: ', 'carol: '],
] as const
const cases = deaths.flatMap((death) =>
  firsts.map(([what, path, body, after]) => ({ death, what, path, body, after, isNew: what === 'begins a session' })),
)

test.concurrent.for(cases)(
  'frozen while its connection was $death, an instance $what first: 200, and the session is there',
  { timeout: freezeMs + 30_000 },
  async ({ death, path, body, after, isNew }, { expect }) => {
    await using firewall = await startFirewall(server.port)
    await using lambda = await start(folder, 'shop', [firewall.address], patient)
    const alice = new Visitor()
    await alice.ask(lambda, '/login/alice')
    await alice.ask(lambda, '/add/tea', { freezes: true })
    firewall.kill(death)
    await sleep(freezeMs)
    const visitor = isNew ? new Visitor() : alice
    const started = performance.now()
    const answer = await visitor.ask(lambda, path)
    const ms = Math.round(performance.now() - started)
    console.log(`${death}, ${path}: ${answer.status} in ${ms} ms, ${firewall.made} connections in all`)
    expect([answer.status, answer.body]).toEqual([200, body])
    expect((await visitor.ask(lambda, '/who')).body).toBe(after)
  },
)

test.concurrent.for(deaths)(
  'frozen in what a handler left behind, while its connection was %s: the next one is served',
  { timeout: freezeMs + 30_000 },
  async (death, { expect }) => {
    await using firewall = await startFirewall(server.port)
    await using lambda = await start(folder, 'shop', [firewall.address], patient)
    const alice = new Visitor()
    await alice.ask(lambda, '/login/alice')
    for (let round = 0; round < 2; round++) {
      await alice.ask(lambda, '/leave', { freezes: true })
      firewall.kill(death)
      await sleep(freezeMs / 2)
    }
    for (const path of ['/who', '/set/alice', '/who']) expect((await alice.ask(lambda, path)).body).toMatch(/^alice: /)
  },
)
