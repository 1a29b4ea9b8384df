import { storeFromEnv } from '../../../adapters/platforms/env.ts'
import { withSession } from '../../../adapters/platforms/lambda.ts'

const store = await storeFromEnv(process.env)
export const handler: (event: unknown, context: unknown) => Promise<string> = withSession(
  { store, secret: process.env.SESSION_SECRET },
  async () => 'never',
)
