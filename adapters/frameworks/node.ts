export { fastifySession } from './node/fastify.ts'
export { type Next, type SessionMiddleware, type SessionRequest, session } from './node/middleware.ts'
