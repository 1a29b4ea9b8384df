/** Answers a request; `platform` is what the server hands over beside it: Node's request and response, or Bun's server. */
export type Fetch = (request: Request, platform: object) => Response | Promise<Response>

/** What to listen on. */
export interface ListenOptions {
  readonly fetch: Fetch
  readonly port: number
  readonly hostname: string | undefined
}

/** An open door. */
export interface Listening {
  readonly port: number
  /** Takes no new connections and lets go of idle ones; resolves when the last answer has left. */
  close(): Promise<void>
  /** Cuts whatever is still open. */
  cut(): void
}

/** How often a server that stops looks for connections that it may close. */
export const sweepMs = 20
/** For a request that is on its way, on a connection that was opened a moment before the stop. */
export const graceMs = 500
