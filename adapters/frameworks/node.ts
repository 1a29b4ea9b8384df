export type { SessionCookie } from './express-session/cookie.ts'
export { type ExpressSessionOptions, expressSession } from './express-session/middleware.ts'
export type { Done, ExpressSession, ExpressSessionMethods } from './express-session/view.ts'
export { fastifySession } from './node/fastify.ts'
export {
  type MountOptions,
  type Next,
  type SessionMiddleware,
  type SessionRequest,
  session,
} from './node/middleware.ts'
