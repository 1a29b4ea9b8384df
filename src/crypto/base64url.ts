import { crypto } from '#crypto'
import type { Crypto } from './contract.ts'

/** Encodes bytes in the URL-safe alphabet without padding (RFC 4648 section 5): the same text on every runtime. */
export const encodeBase64url: Crypto['encodeBase64url'] = crypto.encodeBase64url

/**
 * Decodes the one canonical spelling of some bytes; undefined for anything else.
 *
 * Foreign characters, padding, a lone trailing character and left-over bits are refused: otherwise one token had several
 * spellings (RFC 7515 section 5.2 asks for none of them; jose 6 accepts several).
 */
export const decodeBase64url: Crypto['decodeBase64url'] = crypto.decodeBase64url

/** The first bytes of a digest that this library has encoded, which is longer. */
export const firstBytes = (digest: string, bytes: number): Uint8Array =>
  (decodeBase64url(digest) as Uint8Array).subarray(0, bytes)
