import type { Context } from 'hono'
import { html } from './html.ts'
import { script, style } from './page.ts'

/** Nothing but the parts of the page itself, from where it came: neither inline scripts nor any other host. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"],
].join('; ')

/** Of every answer: none of it is for a cache, another site, or a frame. */
export const commonHeaders: Readonly<Record<string, string>> = {
  'Cache-Control': 'private, no-store',
  'Content-Security-Policy': policy,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'X-Robots-Tag': 'noindex',
}

export const page = (c: Context): Response => answer(c, html(baseOf(c.req.path)), 'text/html; charset=utf-8')
export const pageScript = (c: Context): Response => answer(c, script, 'text/javascript; charset=utf-8')
export const pageStyle = (c: Context): Response => answer(c, style, 'text/css; charset=utf-8')

function answer(c: Context, body: string, type: string): Response {
  c.header('Content-Type', type)
  return c.body(body)
}

/** Relative, so that it holds behind a proxy that takes a prefix away. */
function baseOf(path: string): string {
  const last = path.slice(path.lastIndexOf('/') + 1)
  // As a browser sees it: encoded already, but for what an attribute cannot hold.
  return last === '' ? './' : `./${last.replace(/[^\w.~%-]/g, encodeURIComponent)}/`
}

/** Server-sent events. A proxy must not wait for the end, nor squeeze it. */
export function stream(c: Context, body: ReadableStream<Uint8Array>): Response {
  c.header('Content-Type', 'text/event-stream; charset=utf-8')
  c.header('Cache-Control', 'private, no-store, no-transform')
  c.header('X-Accel-Buffering', 'no')
  return c.body(body)
}
