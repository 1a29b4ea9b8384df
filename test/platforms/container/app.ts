import { Hono } from 'hono'
import { stream } from 'hono/streaming'
import { runContainer } from '../../../adapters/platforms/container.ts'
import { type SessionEnv, session } from '../../../src/hono.ts'

/** A container whose handlers take their time; bundled by `processes.ts`, so that one file runs on every runtime. */
const sleep = (ms: number) => new Promise<void>((wake) => setTimeout(wake, ms))
/** The process was told to end: what waits for it is in flight when it comes, however late whoever sends it is. */
const told = new Promise<void>((wake) => {
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => wake())
})
/** So many milliseconds; `told` is a moment after the signal. */
const pause = (how: string) => (how === 'told' ? told.then(() => sleep(200)) : sleep(Number(how)))
let working = 0

const { port } = await runContainer(process.env, ({ store, secret }) => {
  const app = new Hono<SessionEnv<{ list: string[] }>>()
  // A busy machine is no outage.
  app.use(session({ store, secret, requestMs: 10_000 }))
  app.get('/list', async (c) => c.json((await c.var.session.get('list')) ?? []))
  app.get('/working', (c) => c.json(working))
  app.post('/append/:item/:pause', async (c) => {
    working++
    await pause(c.req.param('pause'))
    await c.var.session.update('list', (list = []) => [...list, c.req.param('item')])
    working--
    return c.text('appended')
  })
  app.get('/stream/:pause', (c) =>
    stream(c, async (body) => {
      await body.write('first,')
      await pause(c.req.param('pause'))
      await body.write('last')
    }),
  )
  return app
})
process.stdout.write(`listening on ${port}\n`)
