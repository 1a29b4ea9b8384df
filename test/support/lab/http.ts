import { Agent, type IncomingMessage, request } from 'node:http'

/** What came back; status 0 where nothing did. */
export interface Answer {
  readonly status: number
  readonly text: string
  readonly ms: number
  /** Every Set-Cookie of the answer. */
  readonly setCookies: readonly string[]
  /** What a browser would send next; undefined where the answer leaves its cookie alone, '' where it is taken back. */
  readonly cookie: string | undefined
}

const agent = new Agent({ keepAlive: true, maxSockets: 500 })

/** One request to a unix socket; never rejects. */
export function ask(socketPath: string, method: string, path: string, cookie?: string): Promise<Answer> {
  const started = performance.now()
  const headers = cookie === undefined ? {} : { Cookie: cookie }
  return new Promise((resolve) => {
    const end = (status: number, text: string, setCookies: readonly string[]) =>
      resolve({ status, text, setCookies, cookie: cookieIn(setCookies), ms: performance.now() - started })
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

export function cookieIn(setCookies: readonly string[]): string | undefined {
  const [pair] = (setCookies[0] ?? '').split(';', 1) as [string]
  if (pair === '') return undefined
  return pair.endsWith('=') ? '' : pair
}
