import { writeRevision } from '../../../src/record/revision.ts'
import { tombstone } from '../../../src/record/tombstone.ts'
import type { Store } from '../../../src/store.ts'
import type { BuildSystem, Holder } from './system.ts'

const markKey = 'session:subject:mark'
const seconds = 28_800

/**
 * The simpler rule: a revocation leaves a mark with its time, and a session lives unless it is older than the mark. Where no mark is found
 * nothing was revoked. So what loses the mark brings the sessions back.
 */
export const marked: BuildSystem = (store, now) => ({
  async login() {
    const key = `session:${crypto.getRandomValues(new Uint8Array(16)).reduce((text, byte) => text + byte.toString(36), '')}`
    await put(store, key, now())
    return { cookie: key }
  },
  async read({ cookie }: Holder) {
    const [session, mark] = await Promise.all([read(store, cookie), read(store, markKey)])
    return session !== undefined && (mark === undefined || session > mark)
  },
  async change(holder, between) {
    if (!(await this.read(holder))) return false
    await between()
    return this.read(holder)
  },
  logout: async ({ cookie }) =>
    store.delete(cookie, { tombstone: { value: tombstone('destroyed', Math.ceil(now())), seconds } }),
  revoke: () => put(store, markKey, now()),
  count: async () => undefined,
})

/** Milliseconds, in the frame of a record; undefined where there is none. */
async function read(store: Store, key: string): Promise<number | undefined> {
  const entry = await store.read(key)
  return entry && entry.value[0] === 1 ? new DataView(entry.value.slice().buffer).getFloat64(24) : undefined
}

async function put(store: Store, key: string, at: number): Promise<void> {
  for (let attempts = 0; attempts < 8; attempts++) {
    const value = new Uint8Array(40)
    value[0] = 1
    writeRevision(value, 5, Math.ceil(at) + attempts)
    crypto.getRandomValues(value.subarray(12, 24))
    new DataView(value.buffer).setFloat64(24, at)
    const entry = await store.read(key)
    const result = entry
      ? await store.update(key, value, seconds, entry.version)
      : await store.create(key, value, seconds, { isShared: true })
    if (result.status === 'stored') return
  }
  throw new Error('not stored after 8 tries')
}
