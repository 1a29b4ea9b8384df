import type {
  ALBEvent,
  ALBHandler,
  ALBResult,
  APIGatewayProxyEvent,
  APIGatewayProxyEventV2,
  APIGatewayProxyEventV2WithJWTAuthorizer,
  APIGatewayProxyHandler,
  APIGatewayProxyHandlerV2,
  APIGatewayProxyHandlerV2WithJWTAuthorizer,
  APIGatewayProxyResult,
  APIGatewayProxyResultV2,
  APIGatewayProxyStructuredResultV2,
  Context,
  LambdaFunctionURLEvent,
  LambdaFunctionURLHandler,
  LambdaFunctionURLResult,
  StreamifyHandler,
} from 'aws-lambda'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { type StreamingHandler, withSession, type withStreamingSession } from '../../adapters/platforms/lambda.ts'
import { memoryStore } from '../../adapters/stores/memory.ts'
import type { Session, SessionOptions } from '../../src/index.ts'
import { secret } from '../support/app.ts'

interface Data {
  userId: string
  visits: number
}
const options: SessionOptions = { store: memoryStore(), secret }

describe('types of withSession', () => {
  it('come from the parameters of the handler, its session included', () => {
    const handler = withSession(options, async (event: APIGatewayProxyEventV2, session: Session<Data>) => {
      expectTypeOf(await session.get('visits')).toEqualTypeOf<number | undefined>()
      // @ts-expect-error there is no such key
      session.set('nobody', 1)
      return { statusCode: 200, body: event.rawPath }
    })
    expectTypeOf(handler).parameter(0).toEqualTypeOf<APIGatewayProxyEventV2>()
    expectTypeOf(handler).returns.toEqualTypeOf<Promise<{ statusCode: number; body: string }>>()
    expect(handler.length).toBe(2)
  })

  it('may be named instead, all four', () => {
    const handler = withSession<Data, ALBEvent, Context, ALBResult>(options, async (event, session, context) => {
      expectTypeOf(session).toEqualTypeOf<Session<Data>>()
      return { statusCode: 200, body: `${event.path}${context.awsRequestId}` }
    })
    expectTypeOf(handler).toEqualTypeOf<(event: ALBEvent, context: Context) => Promise<ALBResult>>()
  })

  it('without a type of its own a session takes any key', () => {
    withSession(options, async (_event: ALBEvent, session) => {
      expectTypeOf(session).toEqualTypeOf<Session<Record<string, unknown>>>()
      session.set('anything', 1)
      return { statusCode: 200 }
    })
  })

  it('fit every handler type of @types/aws-lambda, without a cast', () => {
    const rest = withSession(
      options,
      async (
        _event: APIGatewayProxyEvent,
        session: Session<Data>,
        context: Context,
      ): Promise<APIGatewayProxyResult> => {
        session.set('userId', context.awsRequestId)
        return { statusCode: 200, body: '' }
      },
    )
    const http = withSession(
      options,
      async (_event: APIGatewayProxyEventV2, session: Session<Data>): Promise<APIGatewayProxyResultV2> =>
        `${await session.get('userId')}`,
    )
    const url = withSession(
      options,
      async (_event: LambdaFunctionURLEvent, _session: Session<Data>): Promise<LambdaFunctionURLResult> => ({
        statusCode: 204,
        cookies: [],
      }),
    )
    const jwt = withSession(options, async (event: APIGatewayProxyEventV2WithJWTAuthorizer, session: Session<Data>) => {
      const claim = event.requestContext.authorizer.jwt.claims.sub
      session.set('userId', `${claim}`)
      return 'done'
    })
    const alb = withSession(
      options,
      async (_event: ALBEvent, _session: Session<Data>): Promise<ALBResult> => ({
        statusCode: 200,
      }),
    )
    const bare = withSession(options, async (_event: APIGatewayProxyEventV2, session: Session<Data>) => ({
      visits: (await session.get('visits')) ?? 0,
    }))
    expectTypeOf(rest).toExtend<APIGatewayProxyHandler>()
    expectTypeOf(http).toExtend<APIGatewayProxyHandlerV2>()
    expectTypeOf(url).toExtend<LambdaFunctionURLHandler>()
    expectTypeOf(jwt).toExtend<APIGatewayProxyHandlerV2WithJWTAuthorizer>()
    expectTypeOf(alb).toExtend<ALBHandler>()
    expectTypeOf(bare).toExtend<APIGatewayProxyHandlerV2<{ visits: number }>>()
  })

  it('follow the type of the constant, where it has one', () => {
    const handler: APIGatewayProxyHandlerV2 = withSession(options, async (event, session: Session<Data>) => {
      expectTypeOf(event).toEqualTypeOf<APIGatewayProxyEventV2>()
      expectTypeOf(session).toEqualTypeOf<Session<Data>>()
      const result: APIGatewayProxyStructuredResultV2 = { statusCode: 200, body: event.rawPath }
      return result
    })
    expect(handler).toBeTypeOf('function')
  })

  it('of a stream are those that streamifyResponse gives', () => {
    type Made = ReturnType<typeof withStreamingSession<Data, LambdaFunctionURLEvent, Context>>
    expectTypeOf<Made>().toEqualTypeOf<StreamingHandler<LambdaFunctionURLEvent, Context>>()
    expectTypeOf<Made>().toExtend<StreamifyHandler<LambdaFunctionURLEvent, void>>()
  })
})
