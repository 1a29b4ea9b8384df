import { describe, expect, it } from 'vitest'
import { CommitQueue } from '../../src/request/commit-queue.ts'

const wait = <Result>(turn: Promise<Result>) => turn
const giveUp = () => Promise.reject(new Error('no patience'))

/** Work that ends when told. */
function job(log: string[], name: string) {
  const { promise, resolve, reject } = Promise.withResolvers<string | undefined>()
  const work = (before: string | undefined) => {
    log.push(`${name} after ${before}`)
    return promise
  }
  return { work, finish: resolve, fail: reject }
}

const settle = () => new Promise((turn) => setTimeout(turn, 0))

describe('CommitQueue', () => {
  it('runs work of one key in order and hands each result on', async () => {
    const [queue, log]: [CommitQueue<string>, string[]] = [new CommitQueue(), []]
    const jobs = ['a', 'b', 'c'].map((name) => ({ name, ...job(log, name) }))
    const runs = jobs.map(({ work }) => queue.run('key', wait, work))
    for (const [at, { name, finish }] of jobs.entries()) {
      await settle()
      expect(log).toHaveLength(at + 1)
      finish(name)
    }
    await Promise.all(runs)
    expect(log).toEqual(['a after undefined', 'b after a', 'c after b'])
  })

  it('runs work of different keys at the same time', async () => {
    const [queue, log]: [CommitQueue<string>, string[]] = [new CommitQueue(), []]
    const [a, b] = [job(log, 'a'), job(log, 'b')]
    const runs = [queue.run('one', wait, a.work), queue.run('two', wait, b.work)]
    await settle()
    expect(log).toEqual(['a after undefined', 'b after undefined'])
    a.finish('a')
    b.finish('b')
    await Promise.all(runs)
  })

  it('goes on after work that fails, which hands on nothing', async () => {
    const [queue, log]: [CommitQueue<string>, string[]] = [new CommitQueue(), []]
    const [a, b] = [job(log, 'a'), job(log, 'b')]
    const first = queue.run('key', wait, a.work)
    const second = queue.run('key', wait, b.work)
    a.fail(new Error('scripted'))
    await expect(first).rejects.toThrow('scripted')
    b.finish('b')
    await second
    expect(log).toEqual(['a after undefined', 'b after undefined'])
  })

  it('keeps the order of the others where one in the middle gives up', async () => {
    const [queue, log]: [CommitQueue<string>, string[]] = [new CommitQueue(), []]
    const [a, b, c] = [job(log, 'a'), job(log, 'b'), job(log, 'c')]
    const first = queue.run('key', wait, a.work)
    const second = queue.run('key', giveUp, b.work)
    const third = queue.run('key', wait, c.work)
    await expect(second).rejects.toThrow('no patience')
    await settle()
    expect(log).toEqual(['a after undefined'])
    a.finish('a')
    c.finish('c')
    await Promise.all([first, third])
    expect(log).toEqual(['a after undefined', 'c after undefined'])
  })

  it('heals where work never ends, once the last in line has given up', async () => {
    const [queue, log]: [CommitQueue<string>, string[]] = [new CommitQueue(), []]
    const [stuck, next] = [job(log, 'stuck'), job(log, 'next')]
    void queue.run('key', wait, stuck.work)
    await expect(queue.run('key', giveUp, async () => 'never')).rejects.toThrow('no patience')
    next.finish('next')
    await queue.run('key', wait, next.work)
    expect(log).toEqual(['stuck after undefined', 'next after undefined'])
  })

  it('forgets a lane that is empty: a later commit gets nothing old', async () => {
    const [queue, log]: [CommitQueue<string>, string[]] = [new CommitQueue(), []]
    for (const name of ['a', 'b']) {
      const { work, finish } = job(log, name)
      finish(name)
      await queue.run('key', wait, work)
      await settle()
    }
    expect(log).toEqual(['a after undefined', 'b after undefined'])
  })
})
