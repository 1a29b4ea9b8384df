/**
 * What stands in front of a function: events as each sender makes them, and results as each takes them.
 *
 * After AWS's developer guides of API Gateway, Lambda and Elastic Load Balancing; every rule that a session depends on is here.
 */
import type { ALBEvent, APIGatewayProxyEvent, APIGatewayProxyEventV2 } from 'aws-lambda'

/** Each takes requests in its own form. */
export const senders = ['REST API', 'HTTP API', 'function URL', 'ALB', 'ALB, multi-value'] as const
export type Sender = (typeof senders)[number]

/** What a browser sends. */
export interface Sent {
  readonly path?: string | undefined
  readonly cookie?: string | undefined
  readonly body?: string | undefined
}

const host = 'shop.example'

export function restEvent({ path = '/', cookie, body }: Sent = {}): APIGatewayProxyEvent {
  const headers = { Host: host, ...(cookie === undefined ? {} : { Cookie: cookie }) }
  return {
    ...{ resource: '/{proxy+}', path, httpMethod: 'GET', headers },
    multiValueHeaders: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
    ...{
      queryStringParameters: null,
      multiValueQueryStringParameters: null,
      pathParameters: null,
      stageVariables: null,
    },
    requestContext: {
      ...{ accountId: '0', apiId: 'api', authorizer: null, protocol: 'HTTP/1.1', httpMethod: 'GET', path },
      ...{ stage: 'prod', requestId: 'r', requestTimeEpoch: 0, resourceId: 'x', resourcePath: '/{proxy+}' },
      identity: {
        ...{ accessKey: null, accountId: null, apiKey: null, apiKeyId: null, caller: null, clientCert: null },
        ...{ cognitoAuthenticationProvider: null, cognitoAuthenticationType: null, cognitoIdentityId: null },
        ...{ cognitoIdentityPoolId: null, principalOrgId: null, sourceIp: '203.0.113.5', user: null },
        ...{ userAgent: null, userArn: null },
      },
    },
    ...{ body: body ?? null, isBase64Encoded: false },
  }
}

export function httpEvent({ path = '/', cookie, body }: Sent = {}): APIGatewayProxyEventV2 {
  return {
    ...{ version: '2.0', routeKey: '$default', rawPath: path, rawQueryString: '' },
    ...(cookie === undefined ? {} : { cookies: cookie.split('; ') }),
    headers: { host, 'x-forwarded-for': '203.0.113.6' },
    requestContext: {
      ...{ accountId: '0', apiId: 'api', domainName: host, domainPrefix: 'shop', requestId: 'r', routeKey: '$default' },
      http: { method: 'GET', path, protocol: 'HTTP/1.1', sourceIp: '203.0.113.6', userAgent: 'ua' },
      ...{ stage: '$default', time: '', timeEpoch: 0 },
    },
    ...(body === undefined ? {} : { body }),
    isBase64Encoded: false,
  }
}

/** A function URL sends every cookie twice: in the list and in the header. */
export function urlEvent(sent: Sent = {}): APIGatewayProxyEventV2 {
  const event = httpEvent(sent)
  return { ...event, headers: { ...event.headers, ...(sent.cookie === undefined ? {} : { cookie: sent.cookie }) } }
}

export function albEvent({ path = '/', cookie, body = '' }: Sent = {}): ALBEvent {
  return {
    requestContext: { elb: { targetGroupArn: 'arn:aws:elasticloadbalancing:eu-west-1:0:targetgroup/shop/1' } },
    ...{ httpMethod: 'GET', path, queryStringParameters: {} },
    headers: { host, ...(cookie === undefined ? {} : { cookie }) },
    ...{ body, isBase64Encoded: false },
  }
}

export function albMultiEvent(sent: Sent = {}): ALBEvent {
  const { headers, queryStringParameters: _, ...event } = albEvent(sent)
  const multiValueHeaders = Object.fromEntries(
    Object.entries(headers ?? {}).map(([name, value]) => [name, [value ?? '']]),
  )
  return { ...event, multiValueHeaders, multiValueQueryStringParameters: {} }
}

/** The request as this sender puts it. */
export function eventOf(sender: Sender, sent: Sent = {}): object {
  switch (sender) {
    case 'REST API':
      return restEvent(sent)
    case 'HTTP API':
      return httpEvent(sent)
    case 'function URL':
      return urlEvent(sent)
    case 'ALB':
      return albEvent(sent)
    case 'ALB, multi-value':
      return albMultiEvent(sent)
  }
}

/** What the browser gets. */
export interface Received {
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

interface Result {
  readonly statusCode?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly multiValueHeaders?: Readonly<Record<string, readonly string[]>>
  readonly cookies?: readonly string[]
  readonly body?: string
}

/** What the browser gets for this result of the function; 502 for one that the sender does not take. */
export function received(sender: Sender, given: unknown): Received {
  const isV2 = sender === 'HTTP API' || sender === 'function URL'
  const result = (isV2 ? inferred(given) : given) as Result | null | undefined
  const headers = new Headers()
  if (typeof result !== 'object' || result === null || typeof result.statusCode !== 'number')
    return { status: 502, headers, body: '' }
  const single = Object.entries(result.headers ?? {})
  const multi = Object.entries(result.multiValueHeaders ?? {})
  if (sender === 'REST API' || sender === 'ALB, multi-value')
    for (const [name, values] of multi) for (const value of values) headers.append(name, value)
  // A load balancer looks at one map only. A single map has one value per header, whatever its spelling.
  if (sender === 'REST API') for (const [name, value] of single) headers.append(name, value)
  else if (sender !== 'ALB, multi-value') for (const [name, value] of single) headers.set(name, value)
  if (isV2) for (const value of result.cookies ?? []) headers.append('Set-Cookie', value)
  return { status: result.statusCode, headers, body: result.body ?? '' }
}

/** Format 2.0: whatever has no status code is the body. */
function inferred(given: unknown): unknown {
  if (typeof given === 'object' && given !== null && 'statusCode' in given) return given
  const body = typeof given === 'string' ? given : JSON.stringify(given ?? null)
  return { statusCode: 200, headers: { 'content-type': 'application/json' }, body }
}
