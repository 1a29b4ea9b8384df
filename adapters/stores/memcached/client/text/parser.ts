const carriageReturn = 13
const lineFeed = 10
/** The longest reply line is VALUE with a key of 250 bytes and three numbers: 294 bytes (protocol.txt). */
const maxLineBytes = 512
/** memcached's item limit is 1 MiB where -I does not raise it; the store writes less. A larger length is nonsense or not ours. */
const maxDataBytes = 1_048_576 + 1024

/** What `line` returns where no data follows. */
export const noData = -1

/** Bytes that cannot be a reply. The message continues "memcached at <node> ..."; it holds nothing of what came. */
export class ReplyError extends Error {}

/** Takes replies apart; one per protocol, and one for signing in. Both throw {@link ReplyError} for what cannot be. */
export interface Replies {
  /** One line without its end, valid only during the call. How many bytes of data follow it, or {@link noData}. */
  line(bytes: Buffer, start: number, end: number): number
  /** The data; nobody else is given these bytes. */
  data(value: Uint8Array): void
}

/**
 * Cuts what a server sends into lines and data, however it arrives.
 *
 * Nothing is copied twice: a line or data that lies in one chunk is read there, data over several
 * chunks goes piece by piece into a buffer of its final size. It must die with its socket: half a reply never meets another stream.
 */
export class Parser {
  replies: Replies
  readonly #line: Buffer = Buffer.alloc(maxLineBytes)
  #lineHave = 0
  #data: Uint8Array | undefined
  /** Counts the end of line behind the data too. */
  #dataHave = 0

  constructor(replies: Replies) {
    this.replies = replies
  }

  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#data !== undefined) at = this.#continueData(this.#data, chunk, at)
      else if (this.#lineHave > 0) at = this.#continueLine(chunk, at)
      else at = this.#beginLine(chunk, at)
    }
  }

  #beginLine(chunk: Buffer, start: number): number {
    const end = lineEndIn(chunk, start, start + maxLineBytes)
    if (end !== -1) return this.#endLine(chunk, start, end)
    this.#lineHave = chunk.copy(this.#line, 0, start)
    return chunk.length
  }

  #continueLine(chunk: Buffer, start: number): number {
    const end = lineEndIn(chunk, start, start + maxLineBytes - this.#lineHave)
    const stop = end === -1 ? chunk.length : end + 1
    const have = this.#lineHave + chunk.copy(this.#line, this.#lineHave, start, stop)
    this.#lineHave = have
    if (end === -1) return stop
    this.#lineHave = 0
    this.#endLine(this.#line, 0, have - 1)
    return stop // data, if any, begins here and not behind the collected line
  }

  /** `end` is the place of the line feed; returns the place behind what was used. */
  #endLine(bytes: Buffer, start: number, end: number): number {
    if (end === start || bytes[end - 1] !== carriageReturn) throw new ReplyError('sent a line without an end')
    const length = this.replies.line(bytes, start, end - 1)
    return length === noData ? end + 1 : this.#beginData(bytes, end + 1, length)
  }

  #beginData(bytes: Buffer, start: number, length: number): number {
    if (length > maxDataBytes) throw new ReplyError('announced a value larger than any that was stored')
    const end = start + length
    if (bytes !== this.#line && bytes[end] === carriageReturn && bytes[end + 1] === lineFeed) {
      // Complete: a view. The socket makes a new chunk for every read, and no two values share a byte of one; copying 1 KB
      // took a quarter of a get's CPU (measured). A plain Uint8Array, because a Buffer's slice() is no copy.
      this.replies.data(new Uint8Array(bytes.buffer, bytes.byteOffset + start, length))
      return end + 2
    }
    this.#data = new Uint8Array(length)
    this.#dataHave = 0
    return bytes === this.#line ? start : this.#continueData(this.#data, bytes, start)
  }

  #continueData(data: Uint8Array, chunk: Buffer, start: number): number {
    let at = start
    if (this.#dataHave < data.length) {
      const taken = Math.min(data.length - this.#dataHave, chunk.length - at)
      data.set(chunk.subarray(at, at + taken), this.#dataHave)
      this.#dataHave += taken
      at += taken
    }
    for (; this.#dataHave >= data.length && at < chunk.length; at++) {
      const expected = this.#dataHave === data.length ? carriageReturn : lineFeed
      if (chunk[at] !== expected) throw new ReplyError('sent a value of another length than it announced')
      this.#dataHave++
      if (expected === carriageReturn) continue
      this.#data = undefined
      this.replies.data(data)
      return at + 1
    }
    return at
  }
}

/** The place of the line feed, or -1 where the line goes on; throws where it is too long already. */
function lineEndIn(chunk: Buffer, start: number, limit: number): number {
  const stop = Math.min(limit, chunk.length)
  // Lines are some 20 bytes: a loop is faster than a call into `indexOf`.
  for (let at = start; at < stop; at++) if (chunk[at] === lineFeed) return at
  if (stop === limit) throw new ReplyError('sent something that is not a reply')
  return -1
}
