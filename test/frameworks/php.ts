import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nextCookies } from '../support/jar.ts'
import { startServer, type TestServer } from '../support/servers.ts'

/** Whether there is a PHP with this extension. */
export const hasPhp = (extension: string): boolean =>
  spawnSync('php', ['-r', `exit(extension_loaded('${extension}') ? 0 : 1);`], { stdio: 'ignore' }).status === 0

const folder = fileURLToPath(new URL('.', import.meta.url))

/** PHP's own web server with one script for all paths. Without workers, which would live on when it is killed. */
export function startPhp(script: string, ini: Readonly<Record<string, string>>): Promise<TestServer> {
  const flags = Object.entries({ 'session.cookie_lifetime': '0', ...ini }).flatMap(([name, value]) => [
    '-d',
    `${name}=${value}`,
  ])
  return startServer((port) => ['php', ...flags, '-S', `127.0.0.1:${port}`, resolve(folder, script)])
}

/** One request of a browser, with its cookies, and those that it has then. */
export async function askPhp(
  server: TestServer,
  path: string,
  cookie?: string,
): Promise<{ readonly text: string; readonly cookie: string | undefined }> {
  const headers: Record<string, string> = cookie === undefined ? {} : { Cookie: cookie }
  const response = await fetch(`http://${server.address}${path}`, { headers })
  return { text: await response.text(), cookie: nextCookies(cookie, response.headers.getSetCookie()) }
}
