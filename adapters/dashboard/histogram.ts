/** How finely values are told apart: bucket n holds those from `least * factor ** n` to the next. */
export interface Scale {
  readonly least: number
  readonly factor: number
  readonly buckets: number
}

/** Milliseconds, 10 microseconds to a minute: a percentile is at most 15 % above what it was. */
export const milliseconds: Scale = { least: 0.01, factor: 1.15, buckets: 112 }
/** Bytes, 64 to 1 MiB, each bucket twice the one before. */
export const recordBytes: Scale = { least: 64, factor: 2, buckets: 15 }

/** Only the buckets that hold something, `[bucket, count, bucket, count, ...]`: what travels. */
export type Sparse = readonly number[]

/** Counts values in buckets, so that it costs the same however many there are. */
export class Histogram {
  readonly scale: Scale
  readonly counts: Uint32Array
  readonly #logLeast: number
  readonly #logFactor: number
  count = 0

  constructor(scale: Scale) {
    this.scale = scale
    this.counts = new Uint32Array(scale.buckets)
    this.#logLeast = Math.log(scale.least)
    this.#logFactor = Math.log(scale.factor)
  }

  add(value: number): void {
    const at = Math.floor((Math.log(value) - this.#logLeast) / this.#logFactor)
    // What is below the least, 0 and nonsense included, is in the first; what is above the last in the last.
    this.addTo(at > 0 ? Math.min(at, this.scale.buckets - 1) : 0, 1)
  }

  addTo(bucket: number, count: number): void {
    this.counts[bucket] = (this.counts[bucket] ?? 0) + count
    this.count += count
  }

  addAll(sparse: Sparse): void {
    for (let i = 0; i + 1 < sparse.length; i += 2) this.addTo(sparse[i] as number, sparse[i + 1] as number)
  }

  /** The upper edge of the bucket that holds the value of this rank, 0 to 1; 0 where there is none. */
  quantile(rank: number): number {
    let left = Math.max(1, Math.ceil(rank * this.count))
    for (let at = 0; at < this.counts.length && this.count > 0; at++) {
      left -= this.counts[at] as number
      if (left <= 0) return edge(this.scale, at + 1)
    }
    return 0
  }

  clear(): void {
    this.counts.fill(0)
    this.count = 0
  }

  toSparse(): Sparse {
    const sparse: number[] = []
    for (let at = 0; at < this.counts.length; at++) {
      const count = this.counts[at] as number
      if (count > 0) sparse.push(at, count)
    }
    return sparse
  }
}

/** Where bucket `at` begins. */
export const edge = ({ least, factor }: Scale, at: number): number => least * factor ** at

/** A percentile of longer ago says nothing about now, and one of a few seconds is noise. */
const halfMs = 60_000

/** The values of the last one to two minutes. */
export class RecentHistogram {
  #now: Histogram
  #before: Histogram
  #half = 0

  constructor(scale: Scale) {
    this.#now = new Histogram(scale)
    this.#before = new Histogram(scale)
  }

  add(value: number, nowMs: number): void {
    this.#turn(nowMs)
    this.#now.add(value)
  }

  toSparse(nowMs: number): Sparse {
    this.#turn(nowMs)
    const sum = new Histogram(this.#now.scale)
    sum.addAll(this.#before.toSparse())
    sum.addAll(this.#now.toSparse())
    return sum.toSparse()
  }

  #turn(nowMs: number): void {
    const half = Math.floor(nowMs / halfMs)
    if (half === this.#half) return
    const wasLast = half === this.#half + 1
    ;[this.#now, this.#before] = [this.#before, this.#now]
    this.#now.clear()
    if (!wasLast) this.#before.clear()
    this.#half = half
  }
}
