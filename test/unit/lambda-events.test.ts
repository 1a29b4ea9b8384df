import { describe, expect, it } from 'vitest'
import { readEvent } from '../../adapters/platforms/lambda/events.ts'
import { withSession } from '../../adapters/platforms/lambda.ts'
import type { Session } from '../../src/index.ts'
import { albEvent, albMultiEvent, eventOf, httpEvent, restEvent, senders, urlEvent } from '../lambda/gateway.ts'
import { type Any, kit, withData } from '../support/app.ts'

const cookieIn = (event: unknown) => readEvent(event).cookieHeader

describe('events are told apart', () => {
  it.each([
    ['a REST API', restEvent(), 'v1'],
    ['an HTTP API with format 1.0', { ...restEvent(), version: '1.0' }, 'v1'],
    ['the test console of a REST API', { ...restEvent(), headers: null, multiValueHeaders: null }, 'v1'],
    ['an HTTP API', httpEvent(), 'v2'],
    ['a function URL', urlEvent(), 'v2'],
    ['a load balancer', albEvent(), 'alb'],
    ['a load balancer with multi-value headers', albMultiEvent(), 'alb-multi'],
  ])('%s', (_, event, form) => {
    expect(readEvent(event)).toMatchObject({ form, cookieHeader: undefined })
  })

  const authorizer = { type: 'REQUEST', methodArn: 'arn:aws:execute-api:eu-west-1:0:api/prod/GET/' }
  it.each<readonly [string, unknown, string?]>([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'hello'],
    ['a list', [restEvent()]],
    ['an empty object', {}],
    ['a schedule', { version: '0', source: 'aws.events', detail: {} }, 'aws.events'],
    ['a queue', { Records: [{ eventSource: 'aws:sqs', body: '' }] }, 'aws:sqs'],
    ['a topic', { Records: [{ EventSource: 'aws:sns', Sns: {} }] }, 'aws:sns'],
    ['an event of your own', { source: 'shop.orders SECRET' }],
    ['a WebSocket message', { requestContext: { connectionId: 'c', eventType: 'MESSAGE' }, body: '' }],
    ['an authorizer of a REST API', { ...restEvent(), ...authorizer }],
    ['an authorizer of an HTTP API', { ...httpEvent(), type: 'REQUEST', routeArn: 'arn' }],
    ['VPC Lattice', { version: '2.0', path: '/', method: 'GET', headers: {}, requestContext: { serviceArn: 'arn' } }],
  ])('%s is none: a typed error, and the handler is not called', async (_, event, name) => {
    const calls: unknown[] = []
    const test = kit()
    const handler = withSession(test.options, async (given: unknown) => void calls.push(given))
    const error = await handler(event, {}).catch((reason) => reason)
    expect([error.name, error.code, calls, test.store.roundTrips]).toEqual(['SessionUseError', 'invalid-use', [], 0])
    expect(error.message).toContain(name === undefined ? 'load balancer: it has no session' : `but one of ${name}:`)
  })
})

describe('cookies are read', () => {
  it.each(senders)('of %s', (sender) => {
    expect(cookieIn(eventOf(sender, { cookie: 'a=1; b=2' }))).toBe('a=1; b=2')
  })

  it.each(['Cookie', 'cookie', 'COOKIE', 'cOOkie'])('from a header spelled %s', (name) => {
    expect(cookieIn({ ...albEvent(), headers: { 'X-Cookie': 'no=1', [name]: 'a=1' } })).toBe('a=1')
    expect(cookieIn({ ...albMultiEvent(), multiValueHeaders: { [name]: ['a=1', 'b=2'] } })).toBe('a=1; b=2')
    expect(cookieIn({ ...restEvent(), headers: { [name]: 'a=1' }, multiValueHeaders: null })).toBe('a=1')
    expect(cookieIn({ ...httpEvent(), headers: { [name]: 'a=1' } })).toBe('a=1')
  })

  it('of a REST API from the map that has all values', () => {
    const event = { ...restEvent(), headers: { Cookie: 'b=2' }, multiValueHeaders: { Cookie: ['a=1', 'b=2'] } }
    expect(cookieIn(event)).toBe('a=1; b=2')
  })

  it.each([
    ['values that are no text', { ...albEvent(), headers: { cookie: 5 } }],
    ['lists of something else', { ...albMultiEvent(), multiValueHeaders: { cookie: [null, 7, ''] } }],
    ['no list of cookies', { ...httpEvent(), cookies: 'a=1' }],
    ['an empty list of cookies', { ...httpEvent(), cookies: [] }],
    ['headers that are a list', { ...restEvent(), headers: ['cookie'], multiValueHeaders: [] }],
    ['no headers', { ...albEvent(), headers: undefined }],
  ])('never from %s', (_, event) => {
    expect(cookieIn(event)).toBeUndefined()
  })

  it.each(senders)('of %s: a session is found in one round trip, though its cookie may come twice', async (sender) => {
    const { test, user } = await withData()
    test.store.reset()
    const handler = withSession(test.options, async (_event: object, session: Session<Any>) => ({
      ...{ statusCode: 200, body: `${await session.get('user')}` },
    }))
    const event = eventOf(sender, { cookie: `other=1; ${user.cookie}`, body: 'aGVsbG8=' })
    expect(await handler(event, {})).toMatchObject({ statusCode: 200, body: 'alice' })
    expect([test.store.roundTrips, test.events.map(({ type }) => type)]).toEqual([1, ['load']])
  })

  it.each(senders)('of %s: two different sessions are none', async (sender) => {
    const { test, user } = await withData()
    const other = test.browser()
    await other.visit((session) => session.set('user', 'bob'))
    const handler = withSession(test.options, async (_event: object, session: Session<Any>) => ({
      ...{ statusCode: 200, body: `${await session.get('user')}` },
    }))
    const answer = await handler(eventOf(sender, { cookie: `${user.cookie}; ${other.cookie}` }), {})
    expect(answer).toMatchObject({ body: 'undefined' })
  })

  it('the event and the context reach the handler as they came', async () => {
    const event = Object.freeze(httpEvent({ body: 'aGVsbG8=' }))
    const context = Object.freeze({ awsRequestId: 'r' })
    const handler = withSession(kit().options, async (...given: [object, Session, object]) => given.length && given)
    const [gotEvent, , gotContext] = (await handler(event, context)) as [object, Session, object]
    expect(gotEvent).toBe(event)
    expect(gotContext).toBe(context)
  })
})
