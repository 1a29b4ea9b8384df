import { describe, expect, test } from 'vitest'
import { isWorkers } from '../../../src/runtime.ts'
import { self } from '../../blackbox/programs/self.ts'
import { given } from './given.ts'

describe('runtime', () => {
  test('is the one that was started, by its own word', ({ task }) => {
    const { name, version } = self()
    task.meta.runtime = `${name} ${version}`
    expect(task.meta.runtime).toMatch(new RegExp(`^${given.runtime}`))
    expect(version).not.toBe('')
  })

  test('is taken for Workers where it is workerd, and nowhere else', () => {
    expect(isWorkers()).toBe(self().name === 'workerd')
  })
})
