import { Readable } from 'node:stream'
import type { Session } from 'claimcheck'
import { storeFromEnv } from 'claimcheck/env'
import { session } from 'claimcheck/node'
import express from 'express'
import { pay } from './bank.ts'

type Data = { userId: string; cart: string[] }
declare module 'express-serve-static-core' {
  interface Request {
    session: Session<Data>
  }
}

const app = express()
app.use(session({ store: await storeFromEnv(process.env), secret: process.env.SESSION_SECRET }))
app.get('/', async (req, res) => {
  res.json({ userId: (await req.session.get('userId')) ?? null, cart: (await req.session.get('cart')) ?? [] })
})
app.post('/login', (req, res) => {
  req.session.regenerate({ reauthenticated: true })
  req.session.set('userId', 'alice')
  res.send('welcome')
})
app.post('/cart/:item', async (req, res) => {
  await req.session.update('cart', (cart = []) => [...cart, req.params.item])
  res.send('added')
})
app.post('/checkout', async (req, res) => {
  // A payment that fails throws, and the cart stays as it was.
  await pay((await req.session.pull('cart')) ?? [])
  res.send('paid')
})
app.post('/export', async (req, res) => {
  const cart = (await req.session.pull('cart')) ?? []
  Readable.from(cart.map((item) => `${item}\n`)).pipe(res)
})
app.post('/logout', (req, res) => {
  req.session.destroy()
  res.send('bye')
})
app.listen(Number(process.env.PORT || 3000), '127.0.0.1')
