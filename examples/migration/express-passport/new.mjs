import { fromExpressSession } from 'claimcheck/legacy'
import { memcachedStore } from 'claimcheck/memcached'
import { expressSession } from 'claimcheck/node'
import express from 'express'
import passport from 'passport'
import { Strategy } from 'passport-local'

const users = [{ id: '1', name: 'alice', password: 'secret' }]
passport.use(
  new Strategy({ usernameField: 'name' }, (name, password, done) => {
    done(null, users.find((user) => user.name === name && user.password === password) ?? false)
  }),
)
passport.serializeUser((user, done) => done(null, user.id))
passport.deserializeUser((id, done) => done(null, users.find((user) => user.id === id) ?? false))

const store = memcachedStore({ servers: [process.env.MEMCACHED_SERVERS], replicas: 1 })
const app = express()
app.use(express.urlencoded({ extended: false }))
app.use(
  expressSession({
    secret: process.env.SESSION_SECRET,
    store,
    legacy: fromExpressSession({ secret: process.env.OLD_SESSION_SECRET, store }),
  }),
)
app.use(passport.session())
app.get('/', (req, res) => {
  res.json({ user: req.user?.name ?? null, cart: req.session.cart ?? [] })
})
app.post('/login', passport.authenticate('local'), (_req, res) => {
  res.send('welcome')
})
app.post('/cart/:item', (req, res) => {
  req.session.cart = [...(req.session.cart ?? []), req.params.item]
  res.send('added')
})
app.post('/logout', (req, res, next) => {
  req.logout((error) => (error ? next(error) : res.send('bye')))
})
app.listen(process.env.PORT)
