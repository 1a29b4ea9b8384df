import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type SessionRequest, session } from '../../adapters/frameworks/node.ts'
import type { Session } from '../../src/index.ts'
import { codeOf } from '../conformance/assert.ts'
import { answeredBy } from './jar.ts'
import type { SiteBuilder } from './worlds.ts'

/** Sites as the middleware gives them on a real server of node:http; `servers` gets what is to be closed. */
export const nodeSite =
  (servers: Server[]): SiteBuilder =>
  (options) => {
    interface Script {
      readonly entered: (session: Session) => void
      readonly left: Promise<'error' | 'refusal' | undefined>
      code: string | undefined
    }
    const scripts = new Map<string, Script>()
    const withSession = session(options)
    const server = createServer((req, res) => {
      const script = scripts.get(`${req.url}`) as Script
      withSession(req, res, async (error) => {
        if (error) {
          script.code = codeOf(error) as string | undefined
          return void res.writeHead((error as { status?: number }).status ?? 500).end()
        }
        script.entered((req as SessionRequest).session)
        const how = await script.left
        res.writeHead(how === 'error' ? 500 : how === 'refusal' ? 403 : 200).end()
      })
    })
    servers.push(server.listen(0, '127.0.0.1'))
    let visits = 0
    return {
      async visit(cookie) {
        if (!server.listening) await once(server, 'listening')
        const entered = Promise.withResolvers<Session>()
        const left = Promise.withResolvers<'error' | 'refusal' | undefined>()
        const script: Script = { entered: entered.resolve, left: left.promise, code: undefined }
        const path = `/${++visits}`
        scripts.set(path, script)
        const { port } = server.address() as AddressInfo
        const headers: Record<string, string> = cookie === undefined ? {} : { Cookie: cookie }
        const response = fetch(`http://127.0.0.1:${port}${path}`, { headers })
        return {
          session: await entered.promise,
          async finish(how) {
            left.resolve(how)
            return answeredBy(await response, script.code, cookie)
          },
        }
      },
    }
  }
