import { setTimeout as sleep } from 'node:timers/promises'
import type { App } from './apps.ts'
import { busy } from './busy.ts'
import { type Operation, ownerOf } from './history.ts'

export interface LoadOptions {
  readonly users?: number | undefined
  readonly perSecond?: number | undefined
  /** Shares of requests; what is left is reads. */
  readonly appends?: number | undefined
  readonly turnovers?: number | undefined
  readonly seed?: number | undefined
}

interface User {
  readonly id: number
  /** 0 while logged out. */
  login: number
  cookie: string | undefined
  /** Logins so far. */
  logins: number
  isTurning: boolean
}

interface Ended {
  readonly user: number
  readonly login: number
  readonly cookie: string
}

/**
 * Virtual users that ask at a given rate whatever becomes of the answers (open loop: a stall does not hide itself), each
 * request at the next app process. Records everything.
 */
export class Load {
  readonly history: Operation[] = []
  readonly #apps: readonly App[]
  readonly #users: User[]
  /** Cookies of sessions that have ended, to be tried again. */
  readonly #ended: Ended[] = []
  readonly #options: LoadOptions
  readonly #random: () => number
  readonly #inFlight: Set<Promise<unknown>> = new Set()
  readonly #started: number = performance.now()
  #items = 0
  #turn = 0
  #isRunning = false
  #stopped: Promise<void> = Promise.resolve()

  constructor(apps: readonly App[], options: LoadOptions = {}) {
    this.#apps = apps
    this.#options = options
    this.#random = randomOf(options.seed ?? 1)
    const { users = 500 } = options
    this.#users = Array.from({ length: users }, (_, id) => ({
      ...{ id, login: 0, cookie: undefined, logins: 0, isTurning: false },
    }))
  }

  /** Milliseconds on the clock of the history. */
  get now(): number {
    return performance.now() - this.#started
  }

  /** Everybody logs in, 25 at a time, and appends once. */
  async prepare(): Promise<void> {
    await inBatches(this.#users, 25, (user) => this.#login(user))
    await inBatches(this.#users, 25, (user) => this.#append(user))
  }

  start(): void {
    this.#isRunning = true
    this.#stopped = this.#run()
  }

  /** Ends the load and waits for the answers that are still out. */
  async stop(): Promise<void> {
    this.#isRunning = false
    await this.#stopped
    await Promise.all(this.#inFlight)
  }

  async runFor(ms: number): Promise<void> {
    this.start()
    await sleep(ms)
    await this.stop()
  }

  /** Everybody reads at every process: nothing may be missing; and those that ended are tried, or the last so many of them. */
  async readAll(endedAtMost?: number): Promise<void> {
    for (const _ of this.#apps) await inBatches(this.#users, 25, (user) => this.#read(user))
    await this.readEnded(endedAtMost)
  }

  async readEnded(most: number = Number.POSITIVE_INFINITY): Promise<void> {
    const ended = this.#ended.slice(-most)
    for (let at = 0; at < this.#apps.length; at++) {
      await inBatches(ended, 25, ({ user, login, cookie }) => this.#readAs(user, login, cookie))
    }
  }

  /** So many users log out, in parallel; the number acknowledged. */
  async logOut(count: number): Promise<number> {
    const users = this.#users.filter(({ login }) => login > 0).slice(0, count)
    const before = this.#ended.length
    await inBatches(users, 25, (user) => this.#logout(user))
    return this.#ended.length - before
  }

  /** So many users append, in parallel. */
  async append(count: number): Promise<void> {
    await inBatches(this.#users.filter(({ login }) => login > 0).slice(-count), 25, (user) => this.#append(user))
  }

  /** All whom the last answer left logged in. */
  get cookies(): readonly string[] {
    return this.#users.flatMap(({ login, cookie }) => (login > 0 && cookie ? [cookie] : []))
  }

  async #run(): Promise<void> {
    const { perSecond = 200 } = this.#options
    const begun = performance.now()
    for (let sent = 0; this.#isRunning; sent++) {
      const due = begun + (sent * 1000 * busy) / perSecond
      const wait = due - performance.now()
      if (wait > 1) await sleep(wait)
      this.#track(this.#one())
    }
  }

  #track(work: Promise<unknown>): void {
    this.#inFlight.add(work)
    void work.finally(() => this.#inFlight.delete(work))
  }

  #one(): Promise<unknown> {
    const { appends = 0.25, turnovers = 0.05 } = this.#options
    const user = this.#users[Math.floor(this.#random() * this.#users.length)] as User
    const dice = this.#random()
    if (user.login === 0) return user.isTurning ? this.#readOneEnded() : this.#login(user)
    if (dice < turnovers && !user.isTurning) return dice < turnovers / 2 ? this.#logout(user) : this.#login(user)
    if (dice < turnovers + appends) return this.#append(user)
    return dice > 0.97 ? this.#readOneEnded() : this.#read(user)
  }

  async #readOneEnded(): Promise<void> {
    const ended = this.#ended[Math.floor(this.#random() * this.#ended.length)]
    if (ended) await this.#readAs(ended.user, ended.login, ended.cookie)
  }

  /** With a cookie it regenerates: the login before ends. Unless it is acknowledged nobody knows how that stands. */
  async #login(user: User): Promise<void> {
    const { id, login, cookie } = user
    user.isTurning = true
    const next = ++user.logins
    const { operation, answer } = await this.#send('login', id, login, next, `/login/${ownerOf(id, next)}`, cookie)
    user.isTurning = false
    if (login > 0 && operation.status !== 200) this.#forget(user)
    if (operation.status !== 200) return
    if (login > 0 && cookie) this.#ended.push({ user: id, login, cookie })
    user.login = next
    user.cookie = answer.cookie
  }

  async #logout(user: User): Promise<void> {
    const { id, login, cookie } = user
    user.isTurning = true
    const { operation } = await this.#send('logout', id, login, 0, '/logout', cookie)
    user.isTurning = false
    if (operation.status === 200 && cookie) this.#ended.push({ user: id, login, cookie })
    this.#forget(user)
  }

  #forget(user: User): void {
    user.login = 0
    user.cookie = undefined
  }

  async #append(user: User): Promise<void> {
    const { id, login, cookie } = user
    const item = ++this.#items
    const { answer } = await this.#send('append', id, login, item, `/append/${item}`, cookie)
    if (answer.cookie && user.login === login) user.cookie = answer.cookie
  }

  #read(user: User): Promise<void> {
    return user.login === 0 ? Promise.resolve() : this.#readAs(user.id, user.login, user.cookie)
  }

  async #readAs(user: number, login: number, cookie: string | undefined): Promise<void> {
    await this.#send('read', user, login, 0, '/read', cookie)
  }

  async #send(kind: Operation['kind'], user: number, login: number, item: number, path: string, cookie?: string) {
    const process = this.#turn++ % this.#apps.length
    const operation: Operation = { kind, user, login, process, item, called: this.now }
    this.history.push(operation)
    const method = kind === 'read' ? 'GET' : 'POST'
    const answer = await (this.#apps[process] as App).ask(method, path, cookie)
    operation.returned = this.now
    operation.status = answer.status
    operation.hasCookie = answer.setCookies.length > 0
    operation.wasCleared = answer.cookie === ''
    if (kind === 'read' && answer.status === 200) {
      const { owner, list } = JSON.parse(answer.text) as { owner?: string; list?: number[] }
      operation.owner = owner
      operation.list = list
    }
    return { operation, answer }
  }
}

/** Seeded, so that a run's choices can be had again (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

export async function inBatches<Item>(
  items: readonly Item[],
  size: number,
  work: (item: Item) => Promise<unknown>,
): Promise<void> {
  for (let at = 0; at < items.length; at += size) await Promise.all(items.slice(at, at + size).map(work))
}
