import { withSession } from '../../../adapters/platforms/lambda.ts'
import { memoryStore } from '../../../adapters/stores/memory.ts'

export const handler: (event: unknown, context: unknown) => Promise<string> = withSession(
  { store: memoryStore(), secret: process.env.SESSION_SECRET },
  async () => 'never',
)
