import { expect, it } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { readCookie } from '../../src/claim/cookie.ts'
import { createSessions } from '../../src/index.ts'

type Data = { n: number; tree: Tree }
type Tree = string | number | boolean | null | Tree[] | { [key: string]: Tree }
const secret = 'k8Jw0sPz1mQv7Xc3Rt5Yb9Nd2Fh4Lg6A'

it('a header full of blanks takes time in proportion to its length', () => {
  // By the square of the blanks, as with a pattern, this would take a quarter of an hour.
  const header = `__Host-sid=x; a${' '.repeat(1_000_000)}b=1`
  expect(readCookie(header, '__Host-sid')).toEqual(['x'])
})

it('a pull that was overtaken by destroy gives undefined, as every read after it', async () => {
  const sessions = createSessions<Data>({ store: memoryStore(), secret })
  const first = sessions.open(null)
  first.session.set('n', 1)
  const cookie = (await first.commit()).setCookie?.split(';')[0]
  const { session, commit } = sessions.open(cookie)
  const pulled = session.pull('n')
  session.destroy()
  expect([1, undefined]).toContain(await pulled)
  expect((await commit()).setCookie).toContain('Max-Age=0')
})

it('the usual type of JSON is a type of data', async () => {
  const { session } = createSessions<Data>({ store: memoryStore(), secret }).open(null)
  const tree: Tree = { list: [1, [true, null]], text: 'a' }
  session.set('tree', tree)
  expect(await session.get('tree')).toEqual(tree)
})
