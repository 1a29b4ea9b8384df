import { createCipheriv, createHash, createHmac, createPrivateKey, hkdfSync, sign } from 'node:crypto'

/*
 * A second implementation of the byte formats, from their description alone: node:crypto, nothing of src. Straight
 * and slow on purpose, so that a mistake in src is not a mistake here.
 */

/** All keys that one secret leads to. */
export interface ReferenceKeys {
  /** Of one cookie name. */
  readonly signing: Buffer
  readonly kid: string
  /** The protected header, as JSON. */
  readonly header: string
  readonly tag: Buffer
  readonly ref: Buffer
  readonly receipt: Buffer
  readonly subject: Buffer
  sealing(n: number): Buffer
}

/** The claims of a token, in their order. */
export interface ReferenceClaims {
  readonly sid: string
  readonly rev: number
  readonly iat: number
  readonly exp: number
  readonly aud: string
  readonly sub?: string | undefined
  readonly lifetime?: string | undefined
}

const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest()
const base64url = (data: Uint8Array | string) => Buffer.from(data).toString('base64url')

function sixBytes(revision: number): Buffer {
  const bytes = Buffer.alloc(6)
  bytes.writeUIntBE(revision, 0, 6)
  return bytes
}

/** HKDF-SHA-256 with an empty salt, one purpose per info. */
export function referenceKeys(secret: Uint8Array, cookieName = '__Host-sid'): ReferenceKeys {
  const derive = (purpose: string) => Buffer.from(hkdfSync('sha256', secret, '', `claimcheck/v1/${purpose}`, 32))
  const signing = derive(`token/${cookieName}`)
  const kid = base64url(sha256(signing)).slice(0, 8)
  return {
    signing,
    kid,
    header: `{"alg":"HS256","kid":"${kid}","typ":"session+jwt"}`,
    tag: sha256(derive('token')).subarray(0, 4),
    ref: derive('ref'),
    receipt: derive('receipt'),
    subject: derive('subject'),
    sealing: (n) => derive(`record/${n}`),
  }
}

/** A compact JWS over any header and payload, with a full and correct MAC. */
export function mintToken(signing: Uint8Array, header: string | Uint8Array, payload: string | Uint8Array): string {
  return macOver(signing, `${base64url(header)}.${base64url(payload)}`)
}

/** The text with a full and correct MAC, whatever the text is. */
export function macOver(signing: Uint8Array, input: string): string {
  return `${input}.${createHmac('sha256', signing).update(input).digest('base64url')}`
}

/** What signing writes for these claims. */
export function referenceToken(keys: ReferenceKeys, claims: ReferenceClaims): string {
  const { sid, rev, iat, exp, aud, sub, lifetime } = claims
  return mintToken(keys.signing, keys.header, JSON.stringify({ sid, rev, iat, exp, aud, sub, lifetime }))
}

/** What a store sees of an id. */
export function referenceStoreKey(namespace: string, id: Uint8Array): string {
  return `${namespace}:${base64url(sha256(id))}`
}

/** What the receipt cookie of a session holds after a commit. */
export function referenceReceipt(keys: ReferenceKeys, storeKey: string, revision: number): string {
  const text = revision.toString(36)
  const mac = createHmac('sha256', keys.receipt).update(`${storeKey}\0${text}`).digest().subarray(0, 16)
  return `${text}.${base64url(mac)}`
}

/** What stands for an id in logs. */
export function referenceRef(keys: ReferenceKeys, id: Uint8Array): string {
  return createHmac('sha256', keys.ref).update(id).digest('base64url').slice(0, 8)
}

/** What a record is sealed with and bound to. */
export interface ReferenceFrame {
  readonly namespace: string
  readonly id: Uint8Array
  readonly revision: number
  readonly iv: Uint8Array
}

/** Bytes 0-11, iv, ciphertext, tag. */
export function referenceRecord(keys: ReferenceKeys, frame: ReferenceFrame, plaintext: string | Uint8Array): Buffer {
  const head = Buffer.concat([Buffer.of(1), keys.tag, sixBytes(frame.revision), Buffer.of(0)])
  const n = sha256(frame.id)[0] as number
  const cipher = createCipheriv('aes-256-gcm', keys.sealing(n), frame.iv)
  cipher.setAAD(Buffer.concat([head, Buffer.from(referenceStoreKey(frame.namespace, frame.id))]))
  const sealed = Buffer.concat([cipher.update(plaintext), cipher.final()])
  return Buffer.concat([head, frame.iv, sealed, cipher.getAuthTag()])
}

/** Kind 1: destroyed, 2: regenerated, 3: revoked; `newId` is the successor of a regenerated one. */
export function referenceTombstone(kind: 1 | 2 | 3, revision: number, newId?: Uint8Array): Buffer {
  const successor = newId ? sha256(newId).subarray(0, 12) : Buffer.alloc(12)
  return Buffer.concat([Buffer.of(0, kind), sixBytes(revision), successor])
}

/** What a subject leads to: the hash in its records, the name in its tokens, the store key of its list. */
export function referenceSubject(
  keys: ReferenceKeys,
  namespace: string,
  subject: string,
): { readonly hash: string; readonly name: string; readonly listKey: string; readonly joining: Buffer } {
  const hash = base64url(sha256(Buffer.from(subject)).subarray(0, 16))
  const mac = (text: string) => createHmac('sha256', keys.subject).update(text).digest()
  const name = base64url(mac(`${namespace}\0${hash}`).subarray(0, 16))
  const listKey = referenceStoreKey(`${namespace}:subject`, Buffer.from(name))
  return { hash, name, listKey, joining: mac(`${namespace}\0${hash}\0join`) }
}

/** The tombstone of a session that was regenerated into `newId` by a login of the subject. */
export function referenceWayOn(frame: ReferenceFrame, newId: Uint8Array, joining: Uint8Array): Buffer {
  const plain = referenceTombstone(2, frame.revision, newId)
  const cipher = createCipheriv('aes-256-gcm', joining, frame.iv)
  cipher.setAAD(Buffer.concat([plain, Buffer.from(referenceStoreKey(frame.namespace, frame.id))]))
  const sealed = Buffer.concat([cipher.update(newId), cipher.final()])
  return Buffer.concat([plain, frame.iv, sealed, cipher.getAuthTag()])
}

/** One case of `test/conformance/vectors.json`, as it is given. Bytes are hex. */
export interface VectorInput {
  readonly name: string
  readonly secret: { readonly utf8: string } | { readonly hex: string }
  readonly namespace: string
  /** The name of the session cookie. */
  readonly cookie: string
  readonly id: string
  readonly revision: number
  /** The clock when the token is signed, in milliseconds since 1970. */
  readonly now: number
  /** Seconds since 1970: the absolute end. */
  readonly until: number
  readonly subject?: string | undefined
  readonly lifetime?: string | undefined
  /** Whose session `newId` is, where a login names a subject. */
  readonly login?: string | undefined
  readonly iv: string
  /** The JSON that is sealed. */
  readonly plaintext: string
  /** The id of the session that supersedes this one in a regenerate. */
  readonly newId: string
}

/** What a case leads to. */
export interface VectorOutput {
  readonly kid: string
  readonly header: string
  readonly encodedHeader: string
  readonly tag: string
  readonly token: string
  /** The value of the receipt cookie that tells `revision`. */
  readonly receipt: string
  readonly key: string
  readonly ref: string
  /** Which of the 256 sealing keys. */
  readonly sealingKey: number
  readonly record: string
  /** What the records that build on this one list it as. */
  readonly commit: string
  readonly destroyed: string
  readonly regenerated: string
  readonly revoked: string
  /** What a subject leads to, and the tombstone under `iv` that tells it the way on to `newId`. */
  readonly login?: { readonly hash: string; readonly name: string; readonly listKey: string; readonly wayOn: string }
}

const hex = (text: string) => Buffer.from(text, 'hex')

/** The bytes of a case's secret. */
export function secretOf({ secret }: VectorInput): Buffer {
  return 'utf8' in secret ? Buffer.from(secret.utf8) : hex(secret.hex)
}

/** The outputs of a case, by this implementation. */
export function referenceOutput(input: VectorInput): VectorOutput {
  const { namespace, revision, now, until: exp, lifetime } = input
  const keys = referenceKeys(secretOf(input), input.cookie)
  const id = hex(input.id)
  const sid = base64url(id)
  const iat = Math.floor(now / 1000)
  const frame = { namespace, id, revision, iv: hex(input.iv) }
  return {
    kid: keys.kid,
    header: keys.header,
    encodedHeader: base64url(keys.header),
    tag: keys.tag.toString('hex'),
    token: referenceToken(keys, { sid, rev: revision, iat, exp, aud: namespace, sub: input.subject, lifetime }),
    receipt: referenceReceipt(keys, referenceStoreKey(namespace, id), revision),
    key: referenceStoreKey(namespace, id),
    ref: referenceRef(keys, id),
    sealingKey: sha256(id)[0] as number,
    record: referenceRecord(keys, frame, input.plaintext).toString('hex'),
    commit: base64url(frame.iv.subarray(0, 6)),
    destroyed: referenceTombstone(1, revision).toString('hex'),
    regenerated: referenceTombstone(2, revision, hex(input.newId)).toString('hex'),
    revoked: referenceTombstone(3, revision).toString('hex'),
    ...(input.login === undefined ? {} : { login: loginOutput(input, input.login, frame, keys) }),
  }
}

/** One case of the tokens that are signed by a key of their own. */
export interface SignedInput extends Omit<VectorInput, 'secret' | 'login' | 'iv' | 'newId' | 'plaintext'> {
  /** Private: the same key signs in all languages. */
  readonly jwk: Readonly<Record<string, string>>
}

/** What it leads to. A signature of ES256 is another each time: that one here is to be verified. */
export interface SignedOutput {
  readonly kid: string
  readonly header: string
  readonly token: string
}

/** The outputs of such a case, by this implementation. */
export function referenceSigned(input: SignedInput): SignedOutput {
  const { kty, crv, x, y, kid: given } = input.jwk
  const isEc = kty === 'EC'
  const thumbprint = sha256(Buffer.from(JSON.stringify(isEc ? { crv, kty, x, y } : { crv, kty, x })))
  const kid = given ?? base64url(thumbprint).slice(0, 8)
  const header = `{"alg":"${isEc ? 'ES256' : 'EdDSA'}","kid":"${kid}","typ":"session+jwt","cookie":"${input.cookie}"}`
  const { namespace: aud, revision: rev, until: exp, subject: sub, lifetime } = input
  const claims = { sid: base64url(hex(input.id)), rev, iat: Math.floor(input.now / 1000), exp, aud, sub, lifetime }
  const text = `${base64url(header)}.${base64url(JSON.stringify(claims))}`
  const key = createPrivateKey({ key: input.jwk, format: 'jwk' })
  const signature = sign(isEc ? 'sha256' : null, Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })
  return { kid, header, token: `${text}.${base64url(signature)}` }
}

function loginOutput({ namespace, newId }: VectorInput, subject: string, frame: ReferenceFrame, keys: ReferenceKeys) {
  const { joining, ...named } = referenceSubject(keys, namespace, subject)
  return { ...named, wayOn: referenceWayOn(frame, hex(newId), joining).toString('hex') }
}
