import { Agent, type IncomingMessage, request } from 'node:http'
import { nextCookies } from '../jar.ts'

/** What came back; status 0 where nothing did. */
export interface Answer {
  readonly status: number
  readonly text: string
  readonly ms: number
  /** Every Set-Cookie of the answer. */
  readonly setCookies: readonly string[]
  /** What a browser would send next; undefined where the answer leaves its cookies alone, '' where they are taken back. */
  readonly cookie: string | undefined
}

const agent = new Agent({ keepAlive: true, maxSockets: 500 })

/** One request to a unix socket; never rejects. */
export function ask(socketPath: string, method: string, path: string, cookie?: string): Promise<Answer> {
  const started = performance.now()
  const headers = cookie === undefined ? {} : { Cookie: cookie }
  return new Promise((resolve) => {
    const end = (status: number, text: string, setCookies: readonly string[]) =>
      resolve({ status, text, setCookies, cookie: cookieIn(setCookies, cookie), ms: performance.now() - started })
    const call = request({ socketPath, method, path, headers, agent }, (response: IncomingMessage) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => end(response.statusCode ?? 0, text, response.headers['set-cookie'] ?? []))
      response.on('error', (error) => end(0, error.message, []))
    })
    call.on('error', (error) => end(0, error.message, []))
    call.end()
  })
}

export function cookieIn(setCookies: readonly string[], before?: string): string | undefined {
  return setCookies.length === 0 ? undefined : (nextCookies(before, setCookies) ?? '')
}
