import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createSessions, StoreUnavailableError } from '../../src/index.ts'
import type { Store } from '../../src/store.ts'
import { type InteropAnswer, type InteropCase, type InteropJob, languages } from '../support/interop.ts'
import {
  mintToken,
  type ReferenceClaims,
  referenceKeys,
  referenceReceipt,
  referenceRecord,
  referenceStoreKey,
  referenceToken,
  referenceTombstone,
  secretOf,
  type VectorInput,
  type VectorOutput,
} from '../support/reference.ts'

for (const { name, missing } of languages)
  if (missing) console.warn(`\nSKIPPED: the reader in ${name}. Install it: ${missing}\n`)

const file = new URL('../conformance/vectors.json', import.meta.url)
const { cases: vectors } = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly cases: readonly { readonly input: VectorInput; readonly output: VectorOutput }[]
}

const hex = (bytes: Uint8Array | string) => Buffer.from(bytes).toString('hex')
const base64url = (bytes: Uint8Array | string) => Buffer.from(bytes).toString('base64url')

const now = 1_700_000_000
const secret = Buffer.from('a secret of the readers: 0123456789abcdef')
const other = Buffer.from('another secret of theirs: 0123456789abcdef')
const keys = referenceKeys(secret)
const id = Buffer.alloc(32, 7)
const id2 = Buffer.alloc(32, 9)
const key = referenceStoreKey('session', id)
const key2 = referenceStoreKey('session', id2)
const revision = now * 1000
const claims: ReferenceClaims = { sid: base64url(id), rev: revision, iat: now, exp: now + 3600, aud: 'session' }
const token = referenceToken(keys, claims)
const token2 = referenceToken(keys, { ...claims, sid: base64url(id2) })
const data = { user: 'Zoë 🍪', cart: ['tea', 3, 1.5, null, true], 'a"\\/\u2028': { '1': 'x' } }
const members = { created: now - 60, until: now + 3600, data }
const frame = { namespace: 'session', id, revision, iv: Buffer.alloc(12, 5) }
const record = (plaintext: unknown = members, more: Partial<typeof frame> = {}) =>
  referenceRecord(keys, { ...frame, ...more }, typeof plaintext === 'string' ? plaintext : JSON.stringify(plaintext))
const good = record()

const cookieOf = (value: string, name = '__Host-sid') => `${name}=${value}`
const minted = (payload: string, header = keys.header) => cookieOf(mintToken(keys.signing, header, payload))
const claimed = (more: object) => minted(JSON.stringify({ ...claims, ...more }))
const spelled = (from: string, to: string) => minted(JSON.stringify(claims).replace(from, to))
const receipt = (rev: number, of = key) => `__Host-sid-rev=${referenceReceipt(keys, of, rev)}`
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
const withHeader = (header: string) => minted(JSON.stringify(claims), header)

/** Cookie headers, on a store that holds the good record. */
const headers: Readonly<Record<string, readonly (string | null)[]>> = {
  'a good one, alone and among others': [
    cookieOf(token),
    `a=b; ${cookieOf(token)}; c`,
    `\t__Host-sid \t=  ${token} ;x`,
    `${cookieOf(token)}; ${cookieOf(token)}`,
    `${cookieOf('junk')}; ${cookieOf('also.not.this')}; ${cookieOf(token)}`,
  ],
  'none, or of another name': [
    null,
    '',
    ';;=',
    cookieOf(token, '__host-sid'),
    cookieOf(token, 'sid'),
    cookieOf(token, '\v__Host-sid'),
    `"${cookieOf(token)}"`,
    cookieOf(`"${token}"`),
    cookieOf(encodeURIComponent(`${token}=`)),
    cookieOf(`${token}, x=y`),
    cookieOf(`${token}\n`),
    cookieOf(`${token}\0`),
    cookieOf(token.padEnd(1100, 'A')),
  ],
  'any character changed': [...token].flatMap((_, at) => {
    const next = alphabet[(alphabet.indexOf(token[at] as string) + 1) % 64]
    return [cookieOf(token.slice(0, at) + next + token.slice(at + 1)), cookieOf(token.slice(0, at))]
  }),
  'another header': [
    withHeader(keys.header.replace('HS256', 'none')),
    withHeader(keys.header.replace('HS256', 'hs256')),
    withHeader(keys.header.replace('HS256', 'HS512')),
    withHeader(keys.header.replace('session+jwt', 'JWT')),
    withHeader(keys.header.replace(keys.kid, 'AAAAAAAA')),
    withHeader(keys.header.replace('{', '{ ')),
    withHeader(keys.header.replace('}', ',"crit":["b64"]}')),
    withHeader(keys.header.replace('}', ',"b64":false}')),
    withHeader('{}'),
    cookieOf(token.replace(/^[^.]+\./, '.')),
    cookieOf(`${token}=`),
    cookieOf(`${token}.`),
    cookieOf(token.replace('_', '/').replace('-', '+')),
  ],
  'a token of another cookie, secret or namespace': [
    cookieOf(referenceToken(referenceKeys(secret, 'sid'), claims)),
    cookieOf(referenceToken(referenceKeys(secret, '__Host-sid-rev'), claims)),
    cookieOf(referenceToken(referenceKeys(other), claims)),
    claimed({ aud: 'sessions' }),
    claimed({ aud: ['session'] }),
  ],
  'other claims': [
    claimed({ sub: 'u1' }),
    claimed({ lifetime: 'remembered' }),
    claimed({ sub: 'é\u2028/"\\\u0001\u007f', lifetime: 'a' }),
    claimed({ lifetime: 'a', sub: 'u1' }),
    claimed({ sub: 1 }),
    claimed({ sub: null }),
    claimed({ lifetime: null }),
    claimed({ lifetime: '' }),
    claimed({ lifetime: 'a b' }),
    claimed({ lifetime: 'a\n' }),
    claimed({ lifetime: 'x'.repeat(33) }),
    claimed({ nbf: 0 }),
    claimed({ iat: now + 60 }),
    claimed({ iat: now + 61 }),
    claimed({ iat: -1 }),
    claimed({ iat: 1.5 }),
    claimed({ iat: '1' }),
    claimed({ exp: now }),
    claimed({ exp: now + 1 }),
    claimed({ exp: null }),
    claimed({ exp: true }),
    claimed({ rev: 2 ** 48 - 1 }),
    claimed({ rev: 2 ** 48 }),
    claimed({ rev: true }),
    claimed({ sid: base64url(id.subarray(1)) }),
    claimed({ sid: `${base64url(id)}=` }),
    claimed({ sid: '' }),
    claimed({ sid: 7 }),
    claimed({ sid: base64url(id).replace(/.$/, (last) => alphabet[alphabet.indexOf(last) + 1] as string) }),
    spelled('{', '{ '),
    spelled('"rev":', '"rev": '),
    spelled(`"iat":${now}`, `"iat":${now}.0`),
    spelled(`"iat":${now}`, '"iat":1.7e9'),
    spelled(`"iat":${now}`, '"iat":-0'),
    spelled(`"iat":${now}`, `"iat":0${now}`),
    spelled(`"iat":${now}`, `"iat":${now}00000000000000000000`),
    spelled(`"iat":${now}`, `"iat":0,"iat":${now}`),
    spelled('"sid"', '"\\u0073id"'),
    spelled('"session"', '"ses\\u0073ion"'),
    spelled('}', '}}'),
    spelled('}', '} '),
    spelled('}', ',"sub":"a\\/b"}'),
    spelled('}', ',"sub":NaN}'),
    spelled('}', ',"__proto__":{}}'),
    ...['', '[]', '7', '"sid"', 'null', nested(400), '\ufeff{}'].map((payload) => minted(payload)),
    cookieOf(mintToken(keys.signing, keys.header, Buffer.concat([Buffer.from('{"sid":"'), Buffer.of(0xff, 0xfe)]))),
  ],
  receipts: [
    ...[revision - 1, revision, revision + 1, 2 ** 48 - 1].map((rev) => `${cookieOf(token)}; ${receipt(rev)}`),
    `${receipt(revision + 1, key2)}; ${cookieOf(token)}`,
    `${cookieOf(token)}; ${receipt(revision + 1).slice(0, -1)}`,
    `${cookieOf(token)}; ${receipt(revision + 1)}A`,
    `${cookieOf(token)}; ${receipt(revision + 1).replace('rev=', 'rev=0')}`,
    `${cookieOf(token)}; ${receipt(revision + 1).replace(/=\w+/, (text) => text.toUpperCase())}`,
    `${cookieOf(token)}; __Host-sid-rev=${(revision + 5).toString(36)}.${'A'.repeat(22)}; ${receipt(revision + 1)}`,
    `${cookieOf(token)}; ${[5, 4, 3, 2].map((more) => `__Host-sid-rev=${(revision + more).toString(36)}.${'A'.repeat(22)}`).join('; ')}; ${receipt(revision + 1)}`,
    receipt(revision),
  ],
  'several tokens': [
    `${cookieOf(token)}; ${cookieOf(token2)}`,
    `${cookieOf(referenceToken(keys, { ...claims, rev: revision - 5 }))}; ${cookieOf(token)}`,
    `${cookieOf(referenceToken(keys, { ...claims, rev: revision + 5 }))}; ${cookieOf(token)}`,
    `${[1, 2, 3, 4].map((n) => cookieOf(token.replace(/.{5}$/, `AAAA${n}`))).join('; ')}; ${cookieOf(token)}`,
    `${[1, 2, 3].map((n) => cookieOf(token.replace(/.{5}$/, `AAAA${n}`))).join('; ')}; ${cookieOf(token)}`,
  ],
}

/** What may lie under the key of a good token. */
const values: Readonly<Record<string, readonly (Uint8Array | undefined)[]>> = {
  nothing: [undefined],
  'any byte changed, or cut there': [...good].flatMap((byte, at) => [good.with(at, byte ^ 1), good.subarray(0, at)]),
  tombstones: [
    referenceTombstone(1, revision),
    referenceTombstone(2, revision, id2),
    referenceTombstone(1, 0),
    referenceTombstone(1, revision).subarray(1),
    referenceTombstone(1, revision).subarray(0, 19),
    Buffer.concat([referenceTombstone(1, revision), Buffer.of(0)]),
  ],
  'records of others': [
    record(members, { id: id2 }),
    record(members, { namespace: 'sessions' }),
    referenceRecord(referenceKeys(other), frame, JSON.stringify(members)),
    Buffer.concat([good, Buffer.of(0)]),
    Buffer.from('a:2:{s:4:"user";s:1:"x";}'.padEnd(60)),
  ],
  'older and newer than was seen': [
    record(members, { revision: revision - 1 }),
    record(members, { revision: revision + 1 }),
  ],
  times: [now - 1, now, now + 1, -1, 1.5, '1', null].map((until) => record({ ...members, until })),
  'other contents': [
    record({ ...members, created: -1 }),
    record({ created: now, data: {} }),
    record({ ...members, data: [] }),
    record({ ...members, data: null }),
    record({ ...members, data: {}, more: [1], commits: 7, authenticated: now - 5, lifetime: 'remembered' }),
    record({ ...members, authenticated: 'x', lifetime: 'a b' }),
    record({ ...members, data: { '': 1, constructor: 2, '0': 3 } }),
    record(JSON.stringify(members).replace('"data":{', '"data":{"__proto__":{"a":1},')),
    record(` ${JSON.stringify(members)}\n`),
    record(`[${JSON.stringify(members)}]`),
    record(`\ufeff${JSON.stringify(members)}`),
    record(JSON.stringify(members).replace('3', 'NaN')),
    record(JSON.stringify(members).replace('3', '03')),
    record(JSON.stringify(members).replace('Zoë', 'a\nb')),
    ...[1, 31, 32, 33, 34, 5000].map((depth) =>
      record(`{"created":1,"until":${now + 9},"data":{"a":${nested(depth)}}}`),
    ),
    record(''),
    record('null'),
  ],
}

interface Known {
  readonly unavailable: boolean
  readonly data: unknown
  readonly asked: boolean
}

/** What our own sessions make of it. */
async function ours({ secrets }: Pick<InteropJob, 'secrets'>, { header, stores }: InteropCase): Promise<Known> {
  let asked = false
  const [held] = stores as readonly { readonly values: Readonly<Record<string, string>> }[]
  const store: Store = {
    name: 'held',
    async read(at) {
      asked = true
      const value = held?.values[at]
      return value === undefined ? null : { value: Uint8Array.from(Buffer.from(value, 'hex')), version: '1' }
    },
    create: () => Promise.reject(new Error('a reader writes')),
    update: () => Promise.reject(new Error('a reader writes')),
    delete: () => Promise.reject(new Error('a reader writes')),
  }
  const sessions = createSessions({
    ...{ store, now: () => now * 1000, requestMs: 20_000, lifetimes: { remembered: {} } },
    secret: secrets.map((one) => Uint8Array.from(Buffer.from(one, 'hex'))),
  })
  try {
    return { unavailable: false, data: await sessions.open(header).session.all(), asked }
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error
    return { unavailable: true, data: {}, asked }
  }
}

const inMap = (...held: readonly (readonly [string, Uint8Array | undefined])[]) => [
  {
    kind: 'map' as const,
    values: Object.fromEntries(held.flatMap(([at, value]) => (value === undefined ? [] : [[at, hex(value)]]))),
  },
]

const requests: readonly (readonly [name: string, cases: readonly InteropCase[]])[] = [
  ...Object.entries(headers).map(([name, list]) => {
    const held = [key2, record({ ...members, data: { second: true } }, { id: id2 })] as const
    return [name, list.map((header) => ({ header, now, stores: inMap([key, good], held) }))] as const
  }),
  ...Object.entries(values).map(([name, list]) => {
    return [name, list.map((value) => ({ header: cookieOf(token), now, stores: inMap([key, value]) }))] as const
  }),
  [
    'several tokens of which some have ended',
    [undefined, referenceTombstone(1, revision), good.with(40, 0)].flatMap((value) => {
      const header = `${cookieOf(token)}; ${cookieOf(token2)}`
      return [inMap([key, value], [key2, record(members, { id: id2 })]), inMap([key, value])].map((stores) => ({
        ...{ header, now, stores },
      }))
    }),
  ],
]

/** PHP has no empty object in an array; an empty list is what it makes of one. */
const comparable = (value: unknown) => JSON.stringify(value).replaceAll('{}', '[]')

describe.each(languages.filter(({ missing }) => !missing))('the reader in $name', ({ run }) => {
  const readAll = (job: InteropJob) => run(job)

  it.each(vectors)('opens the vector: $input.name', ({ input, output }) => {
    const job = { secrets: [hex(secretOf(input))], namespace: input.namespace, cookie: input.cookie }
    const header = `x=y; ${input.cookie}=${output.token}; ${input.cookie}-rev=${output.receipt}`
    const at = (value: string) => ({
      header,
      now: input.now / 1000,
      stores: inMap([output.key, Buffer.from(value, 'hex')]),
    })
    const answers = readAll({ ...job, cases: [output.record, output.destroyed, output.regenerated].map(at) })
    const { created, until, data: plain, authenticated = null, lifetime = null } = JSON.parse(input.plaintext)
    const [found, ...gone] = answers as readonly [InteropAnswer, ...InteropAnswer[]]
    const { data: read, ...rest } = found
    const { revision: at48 } = input
    expect(rest).toEqual({
      ...{ status: 'found', created, until, authenticated, lifetime, revision: at48, ref: output.ref, asked: true },
    })
    expect(comparable(read)).toBe(comparable(plain))
    expect(gone.map(({ status }) => status)).toEqual(['gone', 'gone'])
    // The cookie's name is part of what is verified.
    const renamed = { ...at(output.record), header: `x${input.cookie}=${output.token}` }
    expect(readAll({ ...job, cookie: `x${input.cookie}`, cases: [renamed] })[0]).toMatchObject({
      ...{ status: 'none', asked: false },
    })
  })

  it.each(requests)('says what our own sessions say: %s', async (_, cases) => {
    const job = { secrets: [hex(secret)], cases }
    const answers = readAll(job)
    expect(answers).toHaveLength(cases.length)
    for (const [index, one] of cases.entries()) {
      const { status, data: read, asked } = answers[index] as InteropAnswer
      const known = await ours(job, one)
      const said = { unavailable: status === 'unavailable', data: comparable(read), asked }
      expect({ header: one.header, index, ...said }).toEqual({
        ...{ header: one.header, index, ...known, data: comparable(known.data) },
      })
    }
  })

  it('reads under an old secret, and only while it is configured', async () => {
    const held = { header: cookieOf(token), now, stores: inMap([key, good]) }
    const underNew = {
      ...{ header: cookieOf(referenceToken(referenceKeys(other), claims)), now },
      stores: inMap([key, good]),
    }
    const statuses = (...secrets: readonly Buffer[]) =>
      readAll({ secrets: secrets.map(hex), cases: [held, underNew] }).map(({ status }) => status)
    expect(statuses(other, secret)).toEqual(['found', 'found'])
    expect(statuses(secret, other)).toEqual(['found', 'found'])
    expect(statuses(secret)).toEqual(['found', 'none'])
    expect(statuses(other)).toEqual(['none', 'unavailable'])
  })

  it('takes the newest of several copies, and any tombstone, wherever it lies', () => {
    const newer = record({ ...members, data: { newer: true } }, { revision: revision + 1 })
    const [one, two, ended] = [good, newer, referenceTombstone(1, revision - 9)].map((value) => inMap([key, value]))
    const nothing = inMap()
    const statuses = [
      [one, two, nothing],
      [two, one],
      [nothing, ended, two],
      [nothing, nothing],
    ].map((stores) => ({ header: cookieOf(token), now, stores: stores.flatMap((store) => store ?? []) }))
    const answers = readAll({ secrets: [hex(secret)], cases: statuses })
    expect(answers.map(({ status, data: read }) => [status, comparable(read)])).toEqual([
      ['found', '{"newer":true}'],
      ['found', '{"newer":true}'],
      ['gone', '[]'],
      ['absent', '[]'],
    ])
  })

  it('a server that is down is no logout: only what the browser has seen passes without it', () => {
    const down = { kind: 'memcached', host: '127.0.0.1', port: 1 } as const
    const cases = [
      [down, ...inMap([key, good])],
      [...inMap([key, record(members, { revision: revision - 1 })]), down],
      [...inMap(), down],
      [...inMap([key, referenceTombstone(1, 0)]), down],
    ].map((stores) => ({ header: cookieOf(token), now, stores }))
    const statuses = readAll({ secrets: [hex(secret)], cases }).map(({ status }) => status)
    expect(statuses).toEqual(['found', 'unavailable', 'unavailable', 'gone'])
  })

  it.each([['too short'], [''], [`${secret} `]])('refuses the secret %j', (short) => {
    expect(() => readAll({ secrets: [hex(Buffer.from(short))], cases: [{ header: null, stores: inMap() }] })).toThrow(
      'a secret has at least 32 bytes, and no white space at its ends',
    )
  })
})
