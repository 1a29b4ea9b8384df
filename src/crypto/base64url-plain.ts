/* Base64url in plain code, for runtimes without Buffer: what it gives is described in base64url.ts. */
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const codes = new TextEncoder().encode(alphabet)
const values = new Int8Array(128).fill(-1)
for (const [value, code] of codes.entries()) values[code] = value

const ascii = new TextDecoder()

export function encodeBase64url(bytes: Uint8Array): string {
  const out = new Uint8Array(Math.ceil((bytes.length * 4) / 3))
  let bits = 0
  let held = 0
  let at = 0
  for (let i = 0; i < bytes.length; i++) {
    bits = ((bits << 8) | (bytes[i] as number)) & 0x3fff
    for (held += 8; held >= 6; ) {
      held -= 6
      out[at++] = codes[(bits >> held) & 63] as number
    }
  }
  if (held > 0) out[at] = codes[(bits << (6 - held)) & 63] as number
  return ascii.decode(out)
}

export function decodeBase64url(text: string): Uint8Array | undefined {
  if (text.length % 4 === 1) return undefined
  const out = new Uint8Array(Math.floor((text.length * 3) / 4))
  let bits = 0
  let held = 0
  let at = 0
  for (let i = 0; i < text.length; i++) {
    const value = values[text.charCodeAt(i)] ?? -1
    if (value < 0) return undefined
    bits = ((bits << 6) | value) & 0x3fff
    held += 6
    if (held >= 8) {
      held -= 8
      out[at++] = (bits >> held) & 255
    }
  }
  return (bits & ((1 << held) - 1)) === 0 ? out : undefined
}
