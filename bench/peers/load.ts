import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { atExit } from '../../test/support/at-exit.ts'
import { type Running, type Stores, storeCpuUs } from './process.ts'

/** What is asked, by how many connections at once, over how many sessions of which size. */
export interface Scenario {
  readonly name: string
  readonly path: string
  readonly connections: number
  readonly sessions: number
  readonly bytes: number
  /** The cookies are spoilt: their last character but one is another. */
  readonly isForged?: boolean
  /** Nobody has a cookie yet. */
  readonly isAnonymous?: boolean
}

/** One measurement of one contender. */
export interface Sample {
  readonly perSecond: number
  readonly p50Us: number
  readonly p99Us: number
  /** Microseconds of CPU per request: of the server process, and of the stores. */
  readonly cpuUs: number
  readonly storeCpuUs: number
  readonly rssBytes: number
}

const run = promisify(execFile)
const folder = mkdtempSync(join(tmpdir(), 'claimcheck-peers-'))
atExit(() => spawnSync('rm', ['-rf', folder]))

export function assertWrk(): void {
  if (spawnSync('wrk', ['-v']).error) throw new Error('wrk is needed: apt-get install wrk, or brew install wrk')
}

/** Begins the sessions of a scenario; the file with their cookies. */
export async function seed({ name, url }: Running, scenario: Scenario): Promise<string> {
  const { sessions, bytes, isForged = false, isAnonymous = false } = scenario
  const cookies: string[] = isAnonymous ? [''] : []
  while (cookies.length < sessions) {
    const batch = Array.from({ length: Math.min(64, sessions - cookies.length) }, () =>
      fetch(`${url}/seed?bytes=${bytes}`),
    )
    for (const response of await Promise.all(batch)) {
      await response.arrayBuffer()
      const cookie = cookieOf(response)
      if (cookie === '') throw new Error(`${name} begins no session`)
      cookies.push(cookie)
    }
  }
  const file = join(folder, `${name.replace(':', '-')}-${sessions}-${bytes}-${isForged}`)
  writeFileSync(file, cookies.map((cookie) => (isForged ? spoilt(cookie) : cookie)).join('\n'))
  return file
}

/** As a browser would send it. */
export const cookieOf = (response: Response): string =>
  response.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ')

const spoilt = (cookie: string) => `${cookie.slice(0, -2)}${cookie.at(-2) === 'A' ? 'B' : 'A'}${cookie.slice(-1)}`

/** Asks for so long, from another process. */
export async function measure(
  running: Running,
  stores: Stores,
  { path, connections }: Scenario,
  cookies: string,
  seconds: number,
): Promise<Sample> {
  const before = { ...(await running.usage()), store: storeCpuUs(stores) }
  const flags = ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', join(import.meta.dirname, 'wrk.lua')]
  const { stdout } = await run('wrk', [...flags, `${running.url}${path}`], {
    env: { ...process.env, COOKIES: cookies },
  })
  const after = await running.usage()
  const [, requests, durationUs, p50Us, p99Us, errors] = (
    /RESULT (\d+) (\d+) (\d+) (\d+) (\d+)/.exec(stdout) ?? []
  ).map(Number)
  if (!requests || !durationUs || errors !== 0) throw new Error(`${running.name} ${path}: ${errors} errors\n${stdout}`)
  return {
    perSecond: (requests * 1e6) / durationUs,
    p50Us: p50Us as number,
    p99Us: p99Us as number,
    cpuUs: (after.cpuUs - before.cpuUs) / requests,
    storeCpuUs: (storeCpuUs(stores) - before.store) / requests,
    rssBytes: after.rssBytes,
  }
}
