import { expect, it } from 'vitest'
import { Writer } from '../../adapters/stores/memcached/client/text/writer.ts'

const turn = () => new Promise<void>((over) => setImmediate(over))

/** A writer whose output is kept, one text a write. */
function setup(isQuiet: boolean) {
  const writes: string[] = []
  const sink = {
    write: (chunk: Uint8Array) => writes.push(Buffer.from(chunk).toString('latin1')),
    cork() {},
    uncork() {},
  }
  const writer = new Writer(sink, { isQuiet, flushed() {} })
  const ask = (line: string) => void writer.request(`${line}\r\n`, undefined, false)
  return { writes, ask, writer }
}

it('sends at once where the server has nothing to do, all requests of a moment in one write', async () => {
  const { writes, ask } = setup(true)
  ask('get a')
  ask('get b')
  await Promise.resolve()
  await new Promise<void>((over) => process.nextTick(over))
  expect(writes).toEqual(['get a\r\nget b\r\n'])
})

it('sends what comes up while the server is at work once a turn of the event loop', async () => {
  const { writes, ask } = setup(false)
  const inTurn = [1, 2, 3].map((name) => new Promise<void>((over) => process.nextTick(() => over(ask(`get ${name}`)))))
  await Promise.all(inTurn)
  await new Promise<void>((over) => process.nextTick(over))
  expect(writes).toEqual([])
  await turn()
  expect(writes).toEqual(['get 1\r\nget 2\r\nget 3\r\n'])
})

it('sends nothing once it is dropped', async () => {
  const { writes, ask, writer } = setup(false)
  ask('get a')
  writer.drop()
  await turn()
  expect(writes).toEqual([])
})
