/** Whether this is Cloudflare's workerd: no socket outlives its request there, and bindings come with each request. */
export function isWorkers(): boolean {
  return globalThis.navigator?.userAgent === 'Cloudflare-Workers'
}
