import { generateKeyPairSync } from 'node:crypto'
import type { Jwk } from '../../src/index.ts'

/** RFC 8037 appendix A.1. */
export const ed25519: Jwk = {
  kty: 'OKP',
  crv: 'Ed25519',
  d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
}

/** RFC 7515 appendix A.3.1. */
export const p256: Jwk = {
  kty: 'EC',
  crv: 'P-256',
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
  d: 'jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI',
}

/** A new private key. */
export function drawKey(alg: 'ES256' | 'EdDSA', kid?: string): Jwk {
  const { privateKey } =
    alg === 'ES256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519')
  return { ...(privateKey.export({ format: 'jwk' }) as Jwk), ...(kid === undefined ? {} : { kid }) }
}

/** Without what is private. */
export const publicOf = ({ d, ...rest }: Jwk): Jwk => rest

/** The header of a token, parsed. */
export const headerOf = (token: string): Readonly<Record<string, unknown>> =>
  JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())
