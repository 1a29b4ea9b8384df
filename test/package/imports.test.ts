import { describe, expect, test } from 'vitest'
import { breachesOf } from './support/direction.ts'
import { entries, manifest } from './support/manifest.ts'
import { importsOf, readSources } from './support/sources.ts'

const sources = readSources('src', 'adapters', 'tools', 'test/conformance', 'examples')

test('nothing imports against the direction', () => {
  expect(sources.size).toBeGreaterThan(30)
  expect(breachesOf(sources)).toEqual([])
})

test('examples import only public subpaths', () => {
  const isOurs = (specifier = '') => specifier.split('/')[0] === manifest.name
  const used = [...readSources('examples')]
    .flatMap(([path, text]) => importsOf(path, text))
    .map(({ specifier }) => specifier)
    .filter(isOurs)
  expect(entries.map(({ specifier }) => specifier)).toEqual(expect.arrayContaining(used))
})

const memcached = 'adapters/stores/memcached'

test('a file of src, adapters or tools has one topic: at most 200 lines', () => {
  const long = [...sources].filter(
    ([path, text]) => /^(src|adapters|tools)\//.test(path) && text.split('\n').length > 201,
  )
  expect(long.map(([path]) => path)).toEqual([])
})

describe('the test itself notices', () => {
  const breaches = (files: Record<string, string>) => breachesOf(new Map(Object.entries(files)))

  test.each([
    ['src importing an adapter', 'src/a.ts', "import { memoryStore } from '../adapters/stores/memory.ts'"],
    ['a package in src', 'src/a.ts', "import { z } from 'zod'"],
    ['all of jose', 'adapters/legacy/hono-session.ts', "import * as jose from 'jose'"],
    ['jose outside its file', 'src/claim/token.ts', "import { compactDecrypt } from 'jose/jwe/compact/decrypt'"],
    ['hono outside its file', 'src/session.ts', "import type { Context } from 'hono'"],
    ['more of hono', 'src/hono.ts', "import { getCookie } from 'hono/cookie'"],
    ['node: in src', 'src/crypto/keys.ts', "import { createHmac } from 'node:crypto'"],
    ['another of node: in a room for one', 'src/tracing/node.ts', "import { createHmac } from 'node:crypto'"],
    ['node:diagnostics_channel elsewhere', 'src/tracing/channels.ts', "import 'node:diagnostics_channel'"],
    ['tracing by another file', 'src/request/load.ts', "import { tracing } from '#tracing'"],
    ['node: as a type', 'src/crypto/keys.ts', "let socket: import('node:net').Socket"],
    ['node: in a store for every runtime', 'adapters/stores/memory.ts', "import { Buffer } from 'node:buffer'"],
    ['node: without its prefix', 'src/crypto/keys.ts', "import { createHmac } from 'crypto'"],
    ['require', 'src/crypto/keys.ts', "const net = require('node:net')"],
    ['import()', 'src/crypto/keys.ts', "const net = await import('node:net')"],
    ['import() of something computed', 'src/crypto/keys.ts', "await import('node:' + name)"],
    ['export from', 'src/index.ts', "export { memoryStore } from '../adapters/stores/memory.ts'"],
    ['a leaf importing a leaf', 'adapters/stores/near.ts', "import { memoryStore } from './memory.ts'"],
    ['a leaf importing a part of a leaf', 'adapters/stores/near.ts', "import { parse } from './memcached/address.ts'"],
    ['redis helpers elsewhere', 'adapters/stores/near.ts', "import { callRedis } from './redis/call.ts'"],
    [
      'a platform with a store',
      'adapters/platforms/lambda.ts',
      "import { redisStore } from '../stores/redis/index.ts'",
    ],
    ['an adapter importing tests', 'adapters/stores/near.ts', "import { clock } from '../../test/support/clock.ts'"],
    ['conformance importing code', 'test/conformance/a.ts', "import { sealRecord } from '../../src/record/record.ts'"],
    ['conformance importing a test tool', 'test/conformance/a.ts', "import { test } from 'vitest'"],
    ['an example importing files', 'examples/shop.ts', "import { session } from '../src/hono.ts'"],
    ['a room importing a later one', 'src/claim/token.ts', "import { openRecord } from '../record/record.ts'"],
    [
      'a room importing a later one as a type',
      'src/record/record.ts',
      "import type { Found } from '../request/exchange.ts'",
    ],
    ['a room importing a face', 'src/request/state.ts', "import { checkOptions } from '../options.ts'"],
    ['a part of the base importing a room', 'src/events.ts', "import type { Claim } from './claim/token.ts'"],
    ['somebody importing the middleware', 'src/index.ts', "export { session } from './hono.ts'"],
    [
      'a client of memcached importing its servers',
      `${memcached}/client/driver.ts`,
      "import { R } from '../servers/ring.ts'",
    ],
    [
      'servers of memcached importing a client',
      `${memcached}/servers/dns.ts`,
      "import { D } from '../client/driver.ts'",
    ],
    [
      'one protocol importing the other',
      `${memcached}/client/text/driver.ts`,
      "import { D } from '../binary/driver.ts'",
    ],
    ['console', 'src/a.ts', 'console.log(1)'],
    ['console by another way', 'src/a.ts', 'globalThis.console.log(1)'],
    ['an adapter importing a tool', 'adapters/stores/near.ts', "import { run } from '../../tools/run.ts'"],
    ['a tool importing tests', 'tools/a.ts', "import { clock } from '../test/support/clock.ts'"],
    ['a package in a tool', 'tools/a.ts', "import chalk from 'chalk'"],
    ['the environment in a tool', 'tools/a.ts', 'const { HOME } = process.env'],
    ['the environment', 'adapters/stores/near.ts', 'const { HOME } = process.env'],
  ])('%s', (_, path, text) => {
    expect(breaches({ [path]: text })).toHaveLength(1)
  })

  test('cycles, also those of types alone', () => {
    const cycle = (kind: string) => ({
      'src/a.ts': "import { b } from './b.ts'",
      'src/b.ts': "import { c } from './c.ts'",
      'src/c.ts': `import ${kind} { a } from './a.ts'`,
    })
    for (const kind of ['', 'type'])
      expect(breaches(cycle(kind))).toEqual(['cycle: src/a.ts -> src/b.ts -> src/c.ts -> src/a.ts'])
  })

  test('and lets the rest pass', () => {
    const files = {
      'adapters/legacy/hono-session.ts':
        "import { compactDecrypt } from 'jose/jwe/compact/decrypt'\n// console and process.env",
      'src/crypto/keys.ts': "import { crypto } from '#crypto'",
      'src/tracing/node.ts': "import diagnostics from 'node:diagnostics_channel'",
      'src/tracing/channels.ts': "import { tracing } from '#tracing'",
      'src/hono.ts': "import { HTTPException } from 'hono/http-exception'",
      'adapters/stores/redis/upstash.ts': "import { callRedis } from './call.ts'",
      'adapters/stores/memcached/index.ts': "import { Link } from './link.ts'\nimport net from 'node:net'",
      'adapters/platforms/env.ts': "await import('../stores/memory.ts')\nconsole.warn(process.env.X)",
      'test/conformance/a.ts': "import type { Key } from '../../src/crypto/keys.ts'\nimport { x } from './b.ts'",
      'examples/shop.tsx': "import { session } from 'claimcheck/hono'\nimport { serve } from '@hono/node-server'",
    }
    expect(breaches(files)).toEqual([])
  })
})
