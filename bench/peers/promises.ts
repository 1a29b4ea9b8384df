import { nextCookies } from '../../test/support/jar.ts'
import { cookieOf } from './load.ts'
import type { Running } from './process.ts'

/** What a session layer loses when requests of one session come at once. */
export interface Kept {
  /** Of 50 parallel appends, how many were answered 200 and are missing. */
  readonly lostUpdates: number
  /** Of 5 logouts beside a slow request, after how many the old cookie reads data again. */
  readonly resurrections: number
  /** Bytes of the Cookie header of a session of 1 KB. */
  readonly cookieBytes: number
}

export async function promisesOf(running: Running): Promise<Kept> {
  return {
    lostUpdates: await lostUpdates(running),
    resurrections: await resurrections(running),
    cookieBytes: (await newCookie(running)).length,
  }
}

async function newCookie({ url }: Running): Promise<string> {
  return cookieOf(await fetch(`${url}/seed?bytes=1024`))
}

const get = ({ url }: Running, path: string, cookie: string) => fetch(`${url}${path}`, { headers: { cookie } })

async function listOf(running: Running, cookie: string): Promise<readonly string[]> {
  const response = await get(running, '/list', cookie)
  return response.ok ? ((await response.json()) as string[]) : []
}

async function lostUpdates(running: Running): Promise<number> {
  const cookie = await newCookie(running)
  const answers = await Promise.all(Array.from({ length: 50 }, (_, at) => get(running, `/append/${at}`, cookie)))
  const kept = answers.filter(({ ok }) => ok)
  // Where the data is in the cookie, the last answer's is what the browser has.
  const last = nextCookies(cookie, kept.at(-1)?.headers.getSetCookie() ?? [])
  return kept.length - (await listOf(running, last ?? cookie)).length
}

async function resurrections(running: Running): Promise<number> {
  let count = 0
  for (let round = 0; round < 5; round++) {
    const cookie = await newCookie(running)
    await get(running, '/append/first', cookie)
    const slow = get(running, '/slow/100', cookie)
    await new Promise((wake) => setTimeout(wake, 30))
    await get(running, '/logout', cookie)
    await slow
    if ((await listOf(running, cookie)).length > 0) count++
  }
  return count
}
