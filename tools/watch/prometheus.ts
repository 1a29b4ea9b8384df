/** One line of the Prometheus text format. */
export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const sampleLine = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/
const label = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g

/** Reads the text format (Prometheus, "Exposition formats"); lines that are no samples are passed over. */
export function samplesOf(text: string): readonly Sample[] {
  return text.split('\n').flatMap((line) => {
    const [, name, labels = '', value] = sampleLine.exec(line) ?? []
    if (name === undefined || value === undefined) return []
    return [{ name, labels: labelsOf(labels), value: value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value) }]
  })
}

const escapes: Readonly<Record<string, string>> = { '\\n': '\n', '\\"': '"', '\\\\': '\\' }

const labelsOf = (text: string) =>
  Object.fromEntries(
    [...text.matchAll(label)].map(([, name, value = '']) => [
      name,
      value.replace(/\\[n"\\]/g, (written) => escapes[written] ?? written),
    ]),
  )

/** How many observations a histogram counted up to each bound. */
export type Buckets = ReadonlyMap<number, number>

/** The value below which this share of the observations lies, straight within its bucket; undefined where there was none. */
export function quantile(buckets: Buckets, share: number): number | undefined {
  const sorted = [...buckets].sort(([a], [b]) => a - b)
  const rank = share * (sorted.at(-1)?.[1] ?? 0)
  if (rank <= 0) return undefined
  let [below, counted] = [0, 0]
  for (const [bound, count] of sorted) {
    if (count >= rank) return bound === Number.POSITIVE_INFINITY ? below : within(below, bound, counted, count, rank)
    below = bound
    counted = count
  }
  return below
}

const within = (from: number, to: number, before: number, after: number, rank: number) =>
  after === before ? to : from + ((to - from) * (rank - before)) / (after - before)
