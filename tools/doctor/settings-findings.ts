import { type Finding, when } from '../finding.ts'
import { count, type Expected, type NodeFacts } from './facts.ts'

/** What a record is wrapped in, and the margin that the client leaves, beside its JSON. */
const wrappingBytes = 552
/** Twice the default of 48 leaves room for whoever had a reason. */
const usualChunk = 128

/** Whether a server was started in a way that suits sessions. */
export function settingsFindings({ node, settings }: NodeFacts, { maxBytes }: Expected): readonly Finding[] {
  if (settings.size === 0) return []
  const about = { node }
  const is = (name: string, value: string) => settings.get(name) === value
  const itemBytes = count(settings, 'item_size_max')
  const chunk = count(settings, 'chunk_size')
  return [
    ...when(is('cas_enabled', 'no'), () => ({
      ...({ ...about, code: 'no-cas', level: 'error' } as const),
      what: 'It runs with -C, without compare-and-swap.',
      why: 'A change cannot be told from another that came between, so the client refuses every write of a session.',
      todo: 'Start it without -C.',
    })),
    ...when(is('evictions', 'off'), () => ({
      ...({ ...about, code: 'no-evictions', level: 'warning' } as const),
      what: 'It runs with -M: when memory is full it refuses to store.',
      why: 'Logins then fail with 503 for everybody, where otherwise the sessions that were idle longest would go. The client speaks the slower classic protocol with it.',
      todo: 'Start it without -M, with memory for all sessions (-m).',
    })),
    ...when(itemBytes > 0 && itemBytes < maxBytes + wrappingBytes, () => ({
      ...({ ...about, code: 'item-limit', level: 'warning' } as const),
      what: `Its items hold ${itemBytes} bytes at most (-I), and maxBytes allows sessions of ${maxBytes}.`,
      why: 'A session that fits maxBytes and not the server is a 413 for its user, at the moment it grows too large.',
      todo: `Raise -I to ${Math.ceil((maxBytes + wrappingBytes) / 1024)}k or more, or lower maxBytes to ${Math.max(itemBytes - wrappingBytes, 1)}.`,
    })),
    ...when(chunk > usualChunk, () => ({
      ...({ ...about, code: 'large-chunks', level: 'warning' } as const),
      what: `Every item takes ${chunk} bytes at least (-n), also the 20 of a logout.`,
      why: 'Memory is full with fewer sessions than it could hold, and the oldest are thrown out.',
      todo: 'Leave -n out (48), unless something else on this server needs it.',
    })),
    ...when(count(settings, 'udpport') > 0, () => ({
      ...({ ...about, code: 'udp-open', level: 'warning' } as const),
      what: `It listens on UDP, port ${count(settings, 'udpport')}.`,
      why: 'Nothing here uses it, it asks nobody for a password, and it multiplies attacks on others by ten thousands (2018).',
      todo: 'Start it with -U 0, which is the default since 1.5.6.',
    })),
    ...when(is('shutdown_command', 'yes'), () => ({
      ...({ ...about, code: 'shutdown-command', level: 'warning' } as const),
      what: 'It can be stopped by a command (-A).',
      why: 'Whoever reaches it can end it, and the sessions on it, with one line.',
      todo: 'Start it without -A.',
    })),
    ...when(count(settings, 'verbosity') > 1, () => ({
      ...({ ...about, code: 'verbose', level: 'warning' } as const),
      what: 'It writes every command into its log (-vv).',
      why: 'Every request costs a line, and the keys of all sessions lie where logs lie.',
      todo: 'Start it without -v, or send it: verbosity 0.',
    })),
    ...when(is('lru_crawler', 'no') || is('lru_maintainer_thread', 'no'), () => ({
      ...({ ...about, code: 'no-crawler', level: 'warning' } as const),
      what: 'Nothing in it looks for what has expired (no_lru_crawler, no_lru_maintainer or no_modern).',
      why: 'Sessions that have ended keep their memory, and living ones are thrown out in their place.',
      todo: 'Start it without these options, or send it: lru_crawler enable.',
    })),
  ]
}
