import { withSession } from '../../adapters/platforms/lambda.ts'
import type { Session } from '../../src/index.ts'
import { codeOf } from '../conformance/assert.ts'
import type { Outcome, Visit } from '../conformance/session-cases.ts'
import { expectOne, nextCookies } from '../support/jar.ts'
import type { SiteBuilder } from '../support/worlds.ts'
import { eventOf, received, type Sender } from './gateway.ts'

interface Script {
  readonly entered: (session: Session) => void
  readonly left: Promise<'error' | 'refusal' | undefined>
}

/** Sites as `withSession` gives them, behind this sender; the handler of a visit waits until it is told to finish. */
export function lambdaSite(sender: Sender): SiteBuilder {
  return (options) => {
    const ends: string[] = []
    const handler = withSession(
      {
        ...options,
        onEvent(event) {
          if (event.type === 'conflict' || event.type === 'gone') ends.push(event.type)
          options.onEvent?.(event)
        },
      },
      async (_event: object, session: Session, { entered, left }: Script) => {
        entered(session)
        const how = await left
        if (how === 'error') throw new Error('scripted: the handler fails')
        return { statusCode: how === 'refusal' ? 403 : 200, body: 'done' }
      },
    )
    return {
      async visit(cookie): Promise<Visit> {
        const entered = Promise.withResolvers<Session>()
        const left = Promise.withResolvers<'error' | 'refusal' | undefined>()
        const result = handler(eventOf(sender, { cookie }), { entered: entered.resolve, left: left.promise })
        result.catch(() => {})
        return {
          session: await entered.promise,
          async finish(how): Promise<Outcome> {
            left.resolve(how)
            return result.then(
              (given) => outcomeOf(sender, given, ends, cookie),
              (error) => failed(error, cookie),
            )
          },
        }
      },
    }
  }
}

function outcomeOf(sender: Sender, given: unknown, ends: readonly string[], cookie: string | undefined): Outcome {
  const { status, headers } = received(sender, given)
  const setCookies = headers.getSetCookie()
  expectOne(setCookies)
  // An answer carries no code; of the two that are 409 the event tells.
  const code = status === 503 ? 'unavailable' : status === 409 ? ends.at(-1) : undefined
  return { status, code, setCookie: setCookies[0], cookies: nextCookies(cookie, setCookies), headers }
}

/** Lambda tells the gateway of an error, which answers by itself. */
const failed = (error: unknown, cookies: string | undefined): Outcome => ({
  ...{ status: 500, code: codeOf(error) as string | undefined, setCookie: undefined, cookies, headers: new Headers() },
})
