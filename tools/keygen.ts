import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import type { CheckedJwk } from '../src/crypto/contract.ts'
import { checkJwks, publicJwk } from '../src/crypto/jwk.ts'
import { UsageError } from './arguments.ts'
import { line, type World } from './world.ts'

export const keygenFlags = { alg: 'text' } as const

/** The pairs that can be made, by the names of RFC 7518 and RFC 8037. */
const pairs = {
  EdDSA: () => generateKeyPairSync('ed25519'),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
} as const

/**
 * Prints a new secret; with `--alg` a private JWK and its public half, as one JSON object.
 *
 * Only the key goes to standard output, so that it can be piped into wherever secrets are kept; what to do with it goes to the other.
 */
export async function keygen(world: World, { alg }: { readonly alg?: string | undefined }): Promise<number> {
  if (alg !== undefined && !Object.hasOwn(pairs, alg)) throw new UsageError('--alg takes EdDSA or ES256')
  if (alg === undefined) {
    // 32 bytes are what HS256 is made for (RFC 7518 section 3.2); base64url, because a comma would separate two secrets.
    await line(world.output, randomBytes(32).toString('base64url'))
    await line(world.errors, 'A secret: set it as SESSION_SECRET, in your vault or environment and nowhere else.')
    return 0
  }
  await line(world.output, JSON.stringify(await newPair(alg as keyof typeof pairs), null, 2))
  await line(world.errors, 'Two keys: "private" signs and is a secret, "public" may be handed to whoever verifies.')
  return 0
}

/** As the option `signing` takes them, with the kid that it would give them. */
async function newPair(alg: keyof typeof pairs): Promise<{ readonly private: object; readonly public: object }> {
  const { privateKey } = pairs[alg]()
  const { d, ...point } = privateKey.export({ format: 'jwk' })
  const [checked] = checkJwks([point], 'the new key') as readonly [CheckedJwk]
  const jwk = await publicJwk(checked, (data) => createHash('sha256').update(data).digest('base64url'))
  return { private: { ...jwk, d }, public: jwk }
}
