/** Binary protocol: every packet begins with 24 bytes, and every one from a server with 0x81 (protocol_binary.txt). */
const headerBytes = 24
const replyMagic = 0x81

/**
 * Follows the packets in what a server sends, however it is cut, and says what is wrong with it.
 *
 * memjs takes any bytes for a header and waits: for ever after `ERROR Too many open connections`, and on a shifted stream after a
 * reply that was cut. So the bytes are checked here BEFORE memjs sees them. `judge` gets each complete header (its buffer is
 * used again) and returns a reason to give up, or undefined.
 */
export class ReplyStream {
  readonly #judge: (header: Buffer) => string | undefined
  readonly #header: Buffer = Buffer.alloc(headerBytes)
  #headerHave = 0
  #bodyLeft = 0

  constructor(judge: (header: Buffer) => string | undefined) {
    this.#judge = judge
  }

  /** A reason to give the connection up, or undefined. */
  push(chunk: Buffer): string | undefined {
    for (let at = 0; at < chunk.length; ) {
      if (this.#bodyLeft > 0) {
        const skipped = Math.min(this.#bodyLeft, chunk.length - at)
        this.#bodyLeft -= skipped
        at += skipped
        continue
      }
      if (this.#headerHave === 0 && chunk[at] !== replyMagic) return 'sent something that is not a reply'
      const copied = chunk.copy(this.#header, this.#headerHave, at, at + headerBytes - this.#headerHave)
      this.#headerHave += copied
      at += copied
      if (this.#headerHave < headerBytes) return undefined
      const reason = this.#judge(this.#header)
      if (reason !== undefined) return reason
      this.#headerHave = 0
      this.#bodyLeft = this.#header.readUInt32BE(8)
    }
    return undefined
  }
}
