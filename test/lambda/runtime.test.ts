import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startMemcached, type TestServer } from '../support/servers.ts'
import { type Lambda, startLambda } from './emulator.ts'
import { httpEvent, urlEvent } from './gateway.ts'
import { bundle, secret, start } from './instance.ts'

let folder: string
beforeAll(async () => {
  folder = await bundle('stream', 'wrong', 'poor')
})

describe('a stream through the runtime of Lambda', () => {
  let server: TestServer
  let lambda: Lambda
  beforeAll(async () => {
    server = await startMemcached()
    lambda = await start(folder, 'stream', [server.address])
  })
  afterAll(async () => {
    await lambda?.stop()
    await server?.stop()
  })

  test('has its cookie in the prelude, and its pieces arrive one by one', async () => {
    const { kind, chunks, contentType } = await lambda.invoke(urlEvent({ path: '/' }))
    expect([kind, contentType]).toEqual(['response', 'application/vnd.awslambda.http-integration-response'])
    const [prelude = '', zeros, ...pieces] = chunks.map((chunk) => Buffer.from(chunk).toString())
    expect(JSON.parse(prelude)).toEqual({
      statusCode: 200,
      headers: { 'content-type': 'text/plain', 'cache-control': 'private, no-store', vary: 'Cookie' },
      cookies: [expect.stringMatching(/^__Host-sid=/)],
    })
    expect([zeros, ...pieces]).toEqual(['\0'.repeat(8), 'visit 1', 'two', 'three'])
  })

  test('its session is read back from the cookie', async () => {
    const first = await lambda.invoke(urlEvent({ path: '/' }))
    const { cookies } = JSON.parse(Buffer.from(first.chunks[0] ?? '').toString())
    const second = await lambda.invoke(urlEvent({ path: '/', cookie: cookies[0].split(';')[0] }))
    expect(second.result).toMatch(/\0visit 2twothree$/)
  })

  test('a write after its first piece is an error that Lambda is told of, behind what was sent', async () => {
    const { result, trailers } = await lambda.invoke(urlEvent({ path: '/late' }))
    expect(result).toMatch(/\0visit 1$/)
    expect(trailers['lambda-runtime-function-error-type']).toBe('SessionUseError')
  })

  test('a handler that throws sends nothing', async () => {
    const { chunks, trailers } = await lambda.invoke(urlEvent({ path: '/throw' }))
    expect([chunks, trailers['lambda-runtime-function-error-type']]).toEqual([[], 'Error'])
  })

  test('an outage is a whole 503', async () => {
    const away = await start(folder, 'stream', ['127.0.0.1:1'])
    const { result } = await away.invoke(urlEvent({ path: '/' }))
    await away.stop()
    expect(result).toMatch(/^{"statusCode":503,.*"retry-after":"1".*\0Service Unavailable$/)
  })
})

describe('errors of the initialisation say what is wrong', () => {
  test.each([
    ['an option', 'wrong', {}, 'SessionOptionsError', /secret/],
    ['a variable', 'poor', { SESSION_SECRET: secret }, 'SessionOptionsError', /set MEMCACHED_SERVERS or UPSTASH/],
    ['half of a pair', 'poor', { UPSTASH_REDIS_REST_URL: 'https://x' }, 'SessionOptionsError', /_TOKEN is missing/],
    ['no streaming', 'stream', { SESSION_SECRET: secret, ...noGlobal() }, 'SessionOptionsError', /streaming/],
  ])('%s', async (_, name, env, type, message) => {
    const lambda = await startLambda({ handler: `${name}.handler`, cwd: folder, env: { ...env } })
    const { kind } = await lambda.invoke(httpEvent())
    await lambda.stop()
    expect([kind, lambda.initError?.errorType]).toEqual(['init/error', type])
    expect(lambda.initError?.errorMessage).toMatch(message)
  })
})

/** A setting of the runtime: without its global there is no streaming. */
function noGlobal(): Readonly<Record<string, string>> {
  return { AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA: '1', MEMCACHED_SERVERS: '127.0.0.1:1' }
}
