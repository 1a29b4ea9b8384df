import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import { fastifySession, session } from '../../adapters/frameworks/node.ts'
import type { Session, SessionOptions } from '../../src/index.ts'
import { type Answer, ask } from '../platforms/container/processes.ts'
import type { Any } from '../support/app.ts'
import { load } from './packages.ts'

/** One request, in the same words for all frameworks. */
export interface Visit {
  readonly session: Session<Any>
  /** As the framework has it. */
  readonly req: IncomingMessage
  readonly res: ServerResponse
  header(name: string, value: string): void
  send(status: number, text: string): void
  redirect(to: string): void
  stream(source: Readable): void
}

/** Handlers by path; what they throw goes to the error handler. */
export type Routes = Readonly<Record<string, (visit: Visit) => unknown>>

/** A server with sessions. Errors are answered with their status, and `code` as the text. */
export interface Site {
  readonly port: number
  /** The errors that came to the error handler. */
  readonly errors: unknown[]
  get(path: string, cookie?: string, method?: string, headers?: Record<string, string>): Promise<Answer>
  [Symbol.asyncDispose](): Promise<void>
}

export type Framework = 'node:http' | 'connect' | 'express4' | 'express5' | 'fastify'
export const frameworks: readonly Framework[] = ['node:http', 'connect', 'express4', 'express5', 'fastify']

export async function site(framework: Framework, options: SessionOptions, routes: Routes): Promise<Site> {
  const errors: unknown[] = []
  const listener = await builders[framework](options, routes, errors)
  return listen(listener, errors)
}

export async function listen(listener: RequestListener, errors: unknown[] = []): Promise<Site> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    errors,
    get: (path, cookie, method = 'GET', headers = {}) =>
      ask({
        host: '127.0.0.1',
        port,
        path,
        method,
        headers: { ...headers, ...(cookie === undefined ? {} : { cookie }) },
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

type Builder = (
  options: SessionOptions,
  routes: Routes,
  errors: unknown[],
) => RequestListener | Promise<RequestListener>
type Handle = (req: IncomingMessage, res: ServerResponse) => unknown

const statusOf = (error: unknown) => (error as { status?: number }).status ?? 500
const codeOf = (error: unknown) => `${(error as { code?: string }).code ?? error}`

/** In Node's own words. */
const plain =
  (routes: Routes): Handle =>
  (req, res) =>
    routes[new URL(req.url ?? '', 'http://h').pathname]?.({
      ...{ req, res, session: (req as IncomingMessage & { session: Session<Any> }).session },
      header: (name, value) => void res.setHeader(name, value),
      send: (status, text) => void res.writeHead(status, { 'Content-Type': 'text/plain' }).end(text),
      redirect: (to) => void res.writeHead(302, { Location: to }).end(),
      stream: (source) => void source.pipe(res),
    })

const answerTo = (errors: unknown[], res: ServerResponse, error: unknown) => {
  errors.push(error)
  if (res.headersSent) return void res.destroy()
  res.statusCode = statusOf(error)
  res.end(codeOf(error))
}

const onNode: Builder = (options, routes, errors) => {
  const withSession = session(options)
  const handle = plain(routes)
  return (req, res) =>
    withSession(req, res, (error) => {
      if (error) return answerTo(errors, res, error)
      new Promise((done) => done(handle(req, res))).catch((thrown: unknown) => answerTo(errors, res, thrown))
    })
}

const onConnect: Builder = (options, routes, errors) => {
  const app = load('connect')()
  app.use(session(options))
  const handle = plain(routes)
  app.use((req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => {
    new Promise((done) => done(handle(req, res))).catch(next)
  })
  // Connect tells handlers of errors by their four parameters.
  app.use((error: unknown, _req: unknown, res: ServerResponse, _next: unknown) => answerTo(errors, res, error))
  return app
}

// biome-ignore lint/suspicious/noExplicitAny: the packages' types are not installed.
type Loose = any

const onExpress =
  (name: string): Builder =>
  (options, routes, errors) => {
    const app = load(name)()
    app.use(session(options))
    for (const [path, handle] of Object.entries(routes))
      app.all(path, (req: Loose, res: Loose, next: Loose) => {
        const visit: Visit = {
          ...{ req, res, session: req.session },
          header: (header, value) => res.set(header, value),
          send: (status, text) => res.status(status).type('text').send(text),
          redirect: (to) => res.redirect(to),
          stream: (source) => void source.pipe(res),
        }
        new Promise((done) => done(handle(visit))).catch(next)
      })
    app.use((error: unknown, _req: unknown, res: ServerResponse, _next: unknown) => answerTo(errors, res, error))
    return app
  }

const onFastify: Builder = async (options, routes, errors) => {
  const app = load('fastify')()
  await app.register(fastifySession, options)
  app.setErrorHandler((error: unknown, _request: unknown, reply: Loose) => {
    errors.push(error)
    reply.code(statusOf(error)).send(codeOf(error))
  })
  for (const [path, handle] of Object.entries(routes))
    app.all(path, async (request: Loose, reply: Loose) => {
      await handle({
        ...{ req: request.raw, res: reply.raw, session: request.session },
        header: (name, value) => reply.header(name, value),
        send: (status, text) => reply.code(status).send(text),
        redirect: (to) => reply.redirect(to),
        stream: (source) => reply.send(source),
      })
      return reply
    })
  await app.ready()
  return (req, res) => app.routing(req, res)
}

const builders: Record<Framework, Builder> = {
  'node:http': onNode,
  connect: onConnect,
  express4: onExpress('express4'),
  express5: onExpress('express5'),
  fastify: onFastify,
}
