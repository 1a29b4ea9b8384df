import { type StreamingHandler, withStreamingSession } from '../../../adapters/platforms/lambda.ts'
import { memcachedStore } from '../../../adapters/stores/memcached/index.ts'
import type { Session } from '../../../src/index.ts'

const store = memcachedStore({ servers: [process.env.MEMCACHED_SERVERS ?? ''] })

export const handler: StreamingHandler<{ readonly rawPath: string }, unknown> = withStreamingSession(
  { store, secret: process.env.SESSION_SECRET },
  async ({ rawPath }: { readonly rawPath: string }, session: Session<{ visits: number }>) => {
    await session.update('visits', (visits = 0) => visits + 1)
    if (rawPath === '/throw') throw new Error('of the handler')
    return { statusCode: 200, headers: { 'content-type': 'text/plain' }, body: pieces(rawPath, session) }
  },
)

async function* pieces(path: string, session: Session<{ visits: number }>) {
  for (const piece of [`visit ${await session.get('visits')}`, 'two', 'three']) {
    yield piece
    await new Promise((wake) => setTimeout(wake, 30))
    if (path === '/late') session.set('visits', 0)
  }
}
