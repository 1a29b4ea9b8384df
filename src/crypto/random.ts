/** Drawing 12 bytes alone takes 4 us, out of a block 0.1 us (measured on Node 24). */
const blockBytes = 4096

/**
 * Random bytes of the runtime's secure source, for what is drawn with every write and is no secret: the iv of a record. Never for ids
 * or keys. What was handed out is wiped from the block, so none is handed out twice.
 */
export function createRandom(): (length: number) => Uint8Array {
  let block = new Uint8Array(0)
  let next = 0
  return (length) => {
    if (block.length - next < length) {
      block = globalThis.crypto.getRandomValues(new Uint8Array(blockBytes))
      next = 0
    }
    const bytes = block.slice(next, next + length)
    block.fill(0, next, next + length)
    next += length
    return bytes
  }
}
