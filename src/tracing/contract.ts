/** The part of a channel of node:diagnostics_channel that is used. */
export interface Moment {
  publish(message: object): void
  /** Publishes, and runs the work in the stores that were bound to it. */
  runStores<Result>(message: object, work: () => Result): Result
}

/** The part of a `TracingChannel` of node:diagnostics_channel that is used. */
export interface Channel {
  /** Whether anybody listens: the only thing that work without listeners pays for. */
  readonly hasSubscribers: boolean
  readonly start: Moment
  readonly end: Moment
  readonly asyncStart: Moment
  readonly asyncEnd: Moment
  readonly error: Moment
}

/** What the core needs of a runtime; `#tracing` resolves to the implementation by package.json "imports" conditions. */
export interface Tracing {
  /** The channel of this name: one for all of a process. */
  channel(name: string): Channel
}
