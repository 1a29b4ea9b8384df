import { expect, it } from 'vitest'
import { type CountingStore, countingStore } from '../support/stores.ts'
import { begin, open, scene, see } from './setup.ts'

it('50 parallel updates in one process cost one write each: none collides', async () => {
  let counting: CountingStore | undefined
  const here = scene({
    around: (store) => {
      counting = countingStore(store)
      return counting
    },
  })
  const cookie = await begin(here, { n: 0 })
  const opened = Array.from({ length: 50 }, () => open(here, cookie))
  await Promise.all(opened.map(({ session }) => session.update('n', (n) => Number(n) + 1)))
  counting?.reset()
  const ends = await Promise.all(opened.map(({ finish }) => finish()))
  expect(ends.filter(({ code }) => code === 'ok')).toHaveLength(50)
  expect(counting?.calls).toMatchObject({ read: 0, update: 50 })
  expect(await see(here, cookie)).toEqual({ n: 50 })
})
