import { crypto } from '#crypto'
import { SessionOptionsError } from '../errors.ts'
import { encodeBase64url, firstBytes } from './base64url.ts'
import type { Awaitable, MacKey, SealingKey, SigningKey } from './contract.ts'
import { createRandom } from './random.ts'

const tagBytes = 4

/** At least 32 bytes of high entropy: text (its UTF-8 is used) or bytes. `openssl rand -base64 32` makes one. */
export type Secret = string | Uint8Array

/** What signs and verifies tokens of one cookie name. Under another name they do not verify. */
export interface TokenKey {
  /** The protected header of its tokens, as JSON and as it stands in a token. */
  readonly header: string
  readonly encodedHeader: string
  readonly signing: SigningKey
}

/** All that is derived from one secret. */
export interface Key extends TokenKey {
  /** 4 bytes that name the secret in the frame of a record. They do not depend on the cookie's name: the store alone tells the key. */
  readonly tag: Uint8Array
  /**
   * One of 256 sealing keys, by the first byte of the id's hash: random GCM nonces are safe for about 2^32 records of
   * one key (NIST SP 800-38D section 8.3), so 256 keys carry that to 2^40.
   */
  sealing(n: number): Awaitable<SealingKey>
  /** Makes receipts. */
  receipt(): Awaitable<MacKey>
  /** Makes the names of subjects. */
  subject(): Awaitable<MacKey>
}

/** The keys of one configuration. The first signs and seals, all verify and open. */
export interface KeySet<Verifying extends TokenKey = TokenKey> {
  readonly first: Key
  /** Of every secret, the first included. */
  readonly all: readonly Key[]
  /** Signs tokens: the first, unless there are keys for that alone. */
  readonly signer: TokenKey
  readonly byHeader: ReadonlyMap<string, Verifying>
  /** By the tag that stands there in the bytes. */
  byTag(bytes: Uint8Array, at: number): Key | undefined
  /** Makes the refs that stand for ids in logs; of the first key, so a ref does not depend on the token at hand. */
  readonly ref: MacKey
  /** Random bytes for what is no secret: an iv. */
  random(length: number): Uint8Array
}

/** Derives the key set of checked secrets, for the tokens of one cookie. */
export async function deriveKeys(secrets: readonly Uint8Array[], cookieName: string): Promise<KeySet<Key>> {
  const keys = await Promise.all(secrets.map((secret) => deriveKey(secret, cookieName)))
  const [first] = keys
  if (!first) throw new SessionOptionsError('secret: at least one is required')
  return {
    first,
    all: keys,
    signer: first,
    byHeader: new Map(keys.map((key) => [key.encodedHeader, key])),
    byTag: (bytes, at) => keys.find(({ tag }) => standsAt(tag, bytes, at)),
    random: createRandom(),
    ref: await crypto.macKey(await crypto.hkdf(secrets[0] as Uint8Array, 'claimcheck/v1/ref')),
  }
}

/** A loop: the callback of `every` took a fifth of opening a record (measured). */
function standsAt(tag: Uint8Array, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < tag.length; i++) if (tag[i] !== bytes[at + i]) return false
  return true
}

async function deriveKey(secret: Uint8Array, cookieName: string): Promise<Key> {
  const name = await crypto.sha256(await crypto.hkdf(secret, 'claimcheck/v1/token'))
  const raw = await crypto.hkdf(secret, `claimcheck/v1/token/${cookieName}`)
  const kid = (await crypto.sha256(raw)).slice(0, 8)
  const header = `{"alg":"HS256","kid":"${kid}","typ":"session+jwt"}`
  const sealing: SealingKey[] = []
  let receipt: MacKey | undefined
  let subject: MacKey | undefined
  // The key is kept, not the promise: on workerd a promise belongs to the request that made it.
  const deriveSealing = async (n: number) => {
    sealing[n] ??= await crypto.sealingKey(await crypto.hkdf(secret, `claimcheck/v1/record/${n}`))
    return sealing[n]
  }
  const deriveReceipt = async () => {
    receipt ??= await crypto.macKey(await crypto.hkdf(secret, 'claimcheck/v1/receipt'))
    return receipt
  }
  const deriveSubject = async () => {
    subject ??= await crypto.macKey(await crypto.hkdf(secret, 'claimcheck/v1/subject'))
    return subject
  }
  return {
    header,
    encodedHeader: encodeBase64url(new TextEncoder().encode(header)),
    tag: firstBytes(name, tagBytes),
    signing: await crypto.signingKey(raw),
    sealing: (n) => sealing[n] ?? deriveSealing(n),
    receipt: () => receipt ?? deriveReceipt(),
    subject: () => subject ?? deriveSubject(),
  }
}

/** Checks the `secret` option; throws `SessionOptionsError` naming what is wrong, never showing the secret. */
export function checkSecrets(option: unknown): readonly Uint8Array[] {
  const given: readonly unknown[] = Array.isArray(option) ? option : [option]
  if (given.length === 0) throw new SessionOptionsError('secret: the list is empty')
  const secrets = given.map((secret, at) => checkSecret(secret, Array.isArray(option) ? `secret[${at}]` : 'secret'))
  const distinct = new Set(secrets.map((bytes) => bytes.join()))
  if (distinct.size < secrets.length) throw new SessionOptionsError('secret: two of the list are the same')
  return secrets
}

function checkSecret(secret: unknown, name: string): Uint8Array {
  const refuse = (why: string): never => {
    throw new SessionOptionsError(`${name} ${why}`)
  }
  if (secret === undefined || secret === null || secret === '') refuse('is missing: is the environment variable set?')
  if (typeof secret !== 'string' && !(secret instanceof Uint8Array)) refuse('must be a string or a Uint8Array')
  if (typeof secret === 'string' && secret.trim() !== secret)
    refuse('has white space at an end: is a line break left over?')
  const bytes = typeof secret === 'string' ? new TextEncoder().encode(secret) : (secret as Uint8Array).slice()
  if (bytes.length < 32) refuse(`has ${bytes.length} bytes, at least 32 are required (RFC 7518 section 3.2)`)
  if (new Set(bytes).size < 10) refuse('has too few different bytes')
  if (hasPeriod(bytes)) refuse('repeats itself')
  if (placeholder.test(new TextDecoder().decode(bytes)))
    refuse('is a placeholder: openssl rand -base64 32 makes a secret')
  return bytes
}

/** What documents and templates write in the place of a secret. None of it comes up by chance. */
const placeholder =
  /change[-_ ]?(me|this)|your[-_ ]?(\w+[-_ ])?(secret|256|key)|at[-_ ]?least[-_ ]?(32|256)|replace[-_ ]?(me|this|with)|place[-_ ]?holder|keyboard[-_ ]?cat/i

/** A pattern of up to 16 bytes over and over is typed by hand, never drawn at random. */
function hasPeriod(bytes: Uint8Array): boolean {
  for (let period = 1; period <= 16; period++) {
    if (bytes.every((byte, at) => at < period || byte === bytes[at - period])) return true
  }
  return false
}
