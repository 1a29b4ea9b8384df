export {
  type ExpressSessionStore,
  type FromExpressSessionOptions,
  fromExpressSession,
} from './legacy/express-session.ts'
export { type FromHonoSessionOptions, fromHonoSession, type HonoSessionStorage } from './legacy/hono-session.ts'
export { type FromHonoSessionsOptions, fromHonoSessions, type HonoSessionsStore } from './legacy/hono-sessions.ts'
export { type FromIronSessionOptions, fromIronSession } from './legacy/iron-session.ts'
export { type FromPhpOptions, fromPhp } from './legacy/php.ts'
export type { OldRecords, RedisLikeClient } from './legacy/records.ts'
export {
  type LegacyCall,
  type LegacyCookie,
  type LegacyOptions,
  type LegacySessions,
  type LegacySource,
  legacySessions,
} from './legacy/source.ts'
