import { describe, expect, test } from 'vitest'
import { storeFromEnv } from '../../../../adapters/platforms/env.ts'
import { memcachedStore } from '../../../../adapters/stores/memcached/index.ts'
import { given } from '../given.ts'

describe('memcached', () => {
  test('is refused on Workers, by a message that names the way out', ({ task }) => {
    task.meta.refused = true
    const build = () => memcachedStore({ servers: given.memcached })
    expect(build).toThrow("use upstashStore from 'claimcheck/upstash'")
    expect(build).toThrow(expect.objectContaining({ code: 'invalid-options' }))
  })

  test('in the environment is refused too, and so is memory', async () => {
    const servers = storeFromEnv({ MEMCACHED_SERVERS: given.memcached.join() })
    await expect(servers).rejects.toThrow('set UPSTASH_REDIS_REST_URL')
    await expect(storeFromEnv({})).rejects.toThrow('no session store')
    const { url, token } = given.upstash
    const upstash = await storeFromEnv({ UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token })
    expect(upstash.name).toBe('upstash')
  })
})
