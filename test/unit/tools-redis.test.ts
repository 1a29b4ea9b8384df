import { expect, test, vi } from 'vitest'
import { lookAtRedis } from '../../tools/doctor/redis.ts'

test('doctor asks a redis everything at once, so one that is silent is waited for once', async () => {
  vi.useFakeTimers()
  const asked: string[] = []
  const client = (command: string[]) => {
    asked.push(command.slice(0, 2).join(' '))
    return new Promise(() => {})
  }
  const looked = lookAtRedis({ client })
  expect(asked).toHaveLength(8)
  await vi.advanceTimersByTimeAsync(4000)
  expect(await looked).toMatchObject({ isOpen: false, config: new Map() })
  vi.useRealTimers()
})
