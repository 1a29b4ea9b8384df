/** A browser's cookies, as far as they matter here: the last Set-Cookie of a name wins, in the order in which answers arrive. */
export class Jar {
  readonly #cookies: Map<string, string> = new Map()

  /** The Cookie header of the next request. */
  get header(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  receive(headers: Headers): void {
    for (const line of headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';')
      const at = pair.indexOf('=')
      const name = pair.slice(0, at)
      // Deleted first, so that the order in the header is that of the last change.
      this.#cookies.delete(name)
      if (!attributes.some((attribute) => /^\s*max-age\s*=\s*0\s*$/i.test(attribute)))
        this.#cookies.set(name, pair.slice(at + 1))
    }
  }
}

/** The claim check in a Cookie header, by which a session can be told before it is loaded. */
export function claimCheckIn(header: string): string | undefined {
  return /(?:^|; )__Host-sid=([^;]+)/.exec(header)?.[1]
}
