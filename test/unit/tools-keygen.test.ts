import { createPrivateKey, createPublicKey, type JsonWebKey, sign, verify } from 'node:crypto'
import { expect, test } from 'vitest'
import { checkSecrets } from '../../src/crypto/keys.ts'
import { commandLine } from '../support/command-line.ts'

test('keygen prints a secret that the library takes, another one each time, and nothing beside it', async () => {
  const [first, second] = [await commandLine(['keygen']), await commandLine(['keygen'])]
  expect(first).toMatchObject({ code: 0, output: expect.stringMatching(/^[A-Za-z0-9_-]{43}\n$/) })
  expect(checkSecrets([first.output.trim(), second.output.trim()])).toHaveLength(2)
  expect(first.errors).not.toContain(first.output.trim())
})

test.each([
  ['EdDSA', null, { kty: 'OKP', crv: 'Ed25519' }],
  ['ES256', 'sha256', { kty: 'EC', crv: 'P-256' }],
] as const)('keygen --alg %s prints a pair that signs and verifies', async (alg, hash, kind) => {
  const { code, output } = await commandLine(['keygen', '--alg', alg])
  const pair = JSON.parse(output) as { private: JsonWebKey; public: JsonWebKey }
  const about = { ...kind, alg, use: 'sig', kid: expect.stringMatching(/^[A-Za-z0-9_-]{8}$/) }
  expect([code, pair]).toMatchObject([0, { private: about, public: about }])
  expect([pair.private.kid, pair.public.d]).toEqual([pair.public.kid, undefined])
  const signature = sign(hash, Buffer.from('text'), createPrivateKey({ key: pair.private, format: 'jwk' }))
  expect(verify(hash, Buffer.from('text'), createPublicKey({ key: pair.public, format: 'jwk' }), signature)).toBe(true)
})

test.each([
  [['keygen', '--alg', 'HS512'], '--alg takes EdDSA or ES256'],
  [['keygen', '--bits', '512'], 'unknown flag --bits'],
  [['keygen', '--alg'], '--alg takes a value'],
  [['keygen', 'eyJhbGciOi.SECRET'], 'everything but the command is a flag'],
  [['keygne'], 'unknown command'],
])('%j is refused, and nothing that was given is shown', async (args, message) => {
  const { code, output, errors } = await commandLine(args)
  expect([code, output]).toEqual([2, ''])
  expect(errors).toContain(message)
  expect(errors).not.toMatch(/SECRET|eyJ|HS512|512/)
})

test('without a command, or asked for help, it says what there is', async () => {
  for (const args of [[], ['--help'], ['keygen', '--help']]) {
    const { code, output } = await commandLine(args)
    expect([code, output]).toEqual([0, expect.stringContaining('keygen')])
  }
})
