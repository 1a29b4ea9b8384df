import type { Writable } from 'node:stream'

/** What a command meets: everything outside of it, so that a test can be all of that. */
export interface World {
  /** `process.env`. */
  readonly env: object
  /** Standard input, read only where a command waits for something on it. */
  readonly input: AsyncIterable<string | Uint8Array>
  /** What was asked for. */
  readonly output: Writable & { readonly isTTY?: boolean }
  /** What went wrong. */
  readonly errors: Writable
  /** The clock, in milliseconds since 1970. */
  readonly now: () => number
  /** Every address of a name, as the machine's resolver knows it. */
  readonly lookup: (name: string) => Promise<readonly { readonly address: string; readonly family: number }[]>
  /** Aborts when the user has had enough. */
  readonly signal: AbortSignal
}

/** Writes one line, and waits where the reader is slow. */
export async function line(stream: Writable, text: string): Promise<void> {
  await new Promise<void>((done) => {
    stream.write(`${text}\n`, () => done())
  })
}

/** All of standard input as text. */
export async function everything(input: World['input']): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of input) text += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
  return text
}
