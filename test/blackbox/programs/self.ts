interface Globals {
  readonly Bun?: { readonly version: string }
  readonly Deno?: { readonly version: { readonly deno: string } }
}

/** The runtime that this line runs on, in its own words. */
export function self(): { readonly name: string; readonly version: string } {
  const { Bun, Deno } = globalThis as Globals
  if (Bun) return { name: 'Bun', version: Bun.version }
  if (Deno) return { name: 'Deno', version: Deno.version.deno }
  const { userAgent } = navigator
  if (userAgent === 'Cloudflare-Workers') return { name: 'workerd', version: userAgent }
  return { name: 'Node', version: process.versions.node }
}
