import { type ChildProcess, spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../../support/servers.ts'
import { firstOf } from './documents.ts'

/** What a browser saw of the first program of the README. */
export interface ReadmeVisit {
  /** Of the POST that puts tea into the cart. */
  readonly status: number
  readonly cookieName: string | undefined
  /** The cart of that browser, and of another. */
  readonly own: unknown
  readonly others: unknown
}

/** Runs the first program of the README in a folder that has what it imports; one browser fills its cart. */
export async function visitReadme(folder: string): Promise<ReadmeVisit> {
  const port = await freePort()
  // The README need not choose a port, a test must.
  const code = firstOf('README.md').replace('serve(app)', `serve({ fetch: app.fetch, port: ${port} })`)
  await writeFile(join(folder, 'server.mts'), code)
  const env = { ...process.env, SESSION_SECRET: 'a secret of 32 bytes at the least' }
  const server = spawn(process.execPath, ['server.mts'], { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] })
  try {
    const url = `http://localhost:${port}`
    await answering(server, url)
    const added = await fetch(`${url}/cart/tea`, { method: 'POST', redirect: 'manual' })
    const cookies = added.headers.getSetCookie().map((line) => line.split(';')[0])
    const own = await fetch(url, { headers: { cookie: cookies.join('; ') } })
    const others = await fetch(url)
    const cookieName = cookies[0]?.split('=')[0]
    return { status: added.status, cookieName, own: await own.json(), others: await others.json() }
  } finally {
    server.kill('SIGKILL')
  }
}

/** Waits until the program listens; one that ends says why. */
async function answering(server: ChildProcess, url: string): Promise<void> {
  let errors = ''
  server.stderr?.on('data', (chunk) => {
    errors += chunk
  })
  for (const deadline = Date.now() + 120_000; Date.now() < deadline; ) {
    if (server.exitCode !== null) break
    if (
      await fetch(url).then(
        () => true,
        () => false,
      )
    )
      return
    await new Promise((wait) => setTimeout(wait, 50))
  }
  throw new Error(`the program does not answer\n${errors}`)
}
