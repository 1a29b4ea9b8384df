/** A function behind a function URL or an HTTP API: `handler.handler`, with SESSION_SECRET and the store in its environment. */
import type { LambdaFunctionURLHandler } from 'aws-lambda'
import type { Session } from 'claimcheck'
import { storeFromEnv } from 'claimcheck/env'
import { withSession } from 'claimcheck/lambda'

type Data = { visits: number }

// Once per instance: connections live from one invocation to the next, and a wrong setting is an init error.
const options = { store: await storeFromEnv(process.env), secret: process.env.SESSION_SECRET }

export const handler: LambdaFunctionURLHandler<Data> = withSession(options, async (event, session: Session<Data>) => {
  if (event.rawPath === '/logout') session.destroy()
  else await session.update('visits', (visits = 0) => visits + 1)
  return { visits: (await session.get('visits')) ?? 0 }
})
