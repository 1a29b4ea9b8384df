import type { RequestHeaders } from '../../../src/claim/carrier.ts'
import { SessionUseError } from '../../../src/errors.ts'

/**
 * Who sent the request, which decides where headers and cookies stand, also in the answer.
 *
 * `v1`: a REST API, or an HTTP API with payload format 1.0. `v2`: an HTTP API with format 2.0, or a function URL.
 * `alb`: an Application Load Balancer; `alb-multi` where its target group has multi-value headers.
 */
export type EventForm = 'v1' | 'v2' | 'alb' | 'alb-multi'

/** What is needed of a request. */
export interface HttpRequest {
  readonly form: EventForm
  /** As one Cookie header; undefined where there is none. */
  readonly cookieHeader: string | undefined
  /** Its headers, as a session looks at them. */
  readonly headers: RequestHeaders
}

export type Fields = Readonly<Record<string, unknown>>

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Throws `SessionUseError` for what is no HTTP request: a queue, a schedule, an authorizer, a WebSocket. */
export function readEvent(event: unknown): HttpRequest {
  const form = formOf(event)
  if (form === undefined || !isFields(event)) throw noRequest(event)
  const cookies = form === 'v2' && Array.isArray(event.cookies) ? texts(event.cookies) : []
  // A function URL sends cookies both ways, a REST API every header in both maps: one of them is enough.
  const valuesIn = (name: string) => [valuesOf(event.multiValueHeaders, name), valuesOf(event.headers, name)]
  const first = (lists: readonly (readonly string[])[], by: string) => lists.find(({ length }) => length > 0)?.join(by)
  const cookieHeader = first([cookies, ...valuesIn('cookie')], '; ')
  const get = (name: string) => (name === 'Cookie' ? cookieHeader : first(valuesIn(name.toLowerCase()), ', '))
  return { form, cookieHeader, headers: { get } }
}

function formOf(event: unknown): EventForm | undefined {
  if (!isFields(event) || !isFields(event.requestContext)) return undefined
  const { requestContext } = event
  // An authorizer is given nearly the same event, but answers with a policy.
  if ('methodArn' in event || 'routeArn' in event) return undefined
  if (isFields(requestContext.elb)) return isFields(event.multiValueHeaders) ? 'alb-multi' : 'alb'
  if (event.version === '2.0') return isFields(requestContext.http) ? 'v2' : undefined
  return typeof event.httpMethod === 'string' ? 'v1' : undefined
}

/** The headers of this name in a map; names come in any letter case, and a map that is empty may be null. */
function valuesOf(headers: unknown, wanted: string): readonly string[] {
  if (!isFields(headers)) return []
  return Object.entries(headers).flatMap(([name, value]) => (name.toLowerCase() === wanted ? texts(value) : []))
}

const texts = (value: unknown): readonly string[] =>
  [value].flat().filter((one): one is string => typeof one === 'string' && one !== '')

/** Names the service where the event does, as a schedule (`source`) and a queue (`eventSource`) do; nothing else of it. */
function noRequest(event: unknown): SessionUseError {
  const record = isFields(event) && Array.isArray(event.Records) ? event.Records[0] : event
  const source = isFields(record) ? (record.eventSource ?? record.EventSource ?? record.source) : undefined
  const name = typeof source === 'string' && /^aws[.:][a-z0-9]{1,32}$/.test(source) ? ` but one of ${source}` : ''
  return new SessionUseError(
    `the event is no HTTP request of API Gateway, a function URL or a load balancer${name}: it has no session`,
  )
}
