/** The part of a `TracingChannel` of node:diagnostics_channel that is used. */
export interface Channel {
  /** Whether anybody listens: the only thing that work without listeners pays for. */
  readonly hasSubscribers: boolean
  /** Runs the work, and tells listeners of its start and end. Its result and its error become members of the message. */
  tracePromise(work: () => Promise<void>, message: object): Promise<void>
}

/** What the core needs of a runtime; `#tracing` resolves to the implementation by package.json "imports" conditions. */
export interface Tracing {
  /** The channel of this name: one for all of a process. */
  channel(name: string): Channel
}
