import { type BrokenSetup, of, secret, withOptions } from './setup.ts'

/** Options that are refused, or contradict each other. */
export const options: readonly BrokenSetup[] = [
  ...(
    [
      ['no secret', 'secret-refused', 'error', { SESSION_SECRET: '' }],
      [
        'a placeholder for a secret',
        'secret-refused',
        'error',
        { SESSION_SECRET: 'change-me-change-me-and-change-me' },
      ],
      ['a short secret', 'secret-refused', 'error', { SESSION_SECRET: 'Zk3v9QwX' }],
      ['a secret of words', 'secret-typed', 'warning', { SESSION_SECRET: 'correct-horse-battery-staple-and-a-zebra' }],
      ['half a login', 'options-refused', 'error', { MEMCACHED_USERNAME: 'user' }],
    ] as const
  ).map(
    ([mistake, code, level, env]): BrokenSetup => ({
      ...{ mistake, code, level },
      set: async ({ memcached }) => ({ env: { ...of(await memcached()).env, ...env } }),
    }),
  ),
  {
    ...{ mistake: 'no store in production', code: 'no-store', level: 'error' },
    set: async () => ({ env: { SESSION_SECRET: secret, NODE_ENV: 'production' } }),
  },
  {
    ...{ mistake: 'memory, where servers were meant', code: 'memory-store', level: 'warning' },
    set: async () => ({ env: { SESSION_SECRET: secret } }),
  },
  ...(
    [
      ['an idle time above the absolute one', 'options-refused', 'error', { idleSeconds: 90_000 }],
      ['a cookie that ends before its session', 'cookie-ends-first', 'warning', { absoluteSeconds: 2_592_000 }],
      ['deadlines that contradict each other', 'deadlines', 'warning', { requestMs: 200 }],
    ] as const
  ).map(
    ([mistake, code, level, others]): BrokenSetup => ({
      ...{ mistake, code, level },
      set: async ({ memcached }) => withOptions({ servers: [(await memcached()).address] }, others),
    }),
  ),
  {
    ...{ mistake: 'an insecure cookie in production', code: 'cookie-insecure', level: 'error' },
    async set({ memcached }) {
      const called = withOptions({ servers: [(await memcached()).address] }, { cookie: { insecure: true } })
      return { ...called, env: { NODE_ENV: 'production' } }
    },
  },
]
