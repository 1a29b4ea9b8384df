import type { ServerResponse } from 'node:http'
import { answerTo } from '../../../src/errors.ts'
import { cacheControlByDefault, type HeaderMap } from '../../../src/request/response-headers.ts'

/** Adds to the answer that takes the place of a refused one what its error handler has left out. */
export function completeRefusal(headers: HeaderMap, status: number, error: unknown): void {
  const control = headers.get('Cache-Control') ?? cacheControlByDefault
  if (control === cacheControlByDefault) headers.set('Cache-Control', 'private, no-store')
  const response = answerTo(error)?.response
  if (response?.status === status) addRetryAfter(headers, response.headers.get('Retry-After'))
}

/** A read has failed, and its error was answered as what it is. */
export function completeOutage(headers: HeaderMap, status: number): void {
  if (status === 503) addRetryAfter(headers, '1')
}

/** A protocol that is switched to is no answer that anybody keeps: what was said at the first use is taken back. */
export function unsay(headers: HeaderMap): void {
  if (headers.get('Vary') === 'Cookie') headers.delete('Vary')
  if (headers.get('Cache-Control') === cacheControlByDefault) headers.delete('Cache-Control')
}

function addRetryAfter(headers: HeaderMap, value: string | null): void {
  if (value !== null && !headers.has('Retry-After')) headers.set('Retry-After', value)
}

/** The bare answer to an error, where nobody else gives one. */
export function answerBare(res: ServerResponse, error: unknown): void {
  const { status, statusText } = answerTo(error)?.response ?? { status: 500, statusText: '' }
  res.writeHead(status, statusText === '' ? {} : { 'Content-Length': 0 }).end()
}
