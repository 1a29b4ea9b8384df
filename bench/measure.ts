/** One thing to measure; `run` is awaited before the next one starts. */
export interface Subject {
  readonly name: string
  run(): unknown
}

/** Subjects to compare: the first is what the others are a multiple of. */
export type Group = readonly Subject[]

/** Machines change pace while they measure: many short rounds, taken in turn, meet the same weather. */
const rounds = 15
const roundMs = 40

/** Prints the median time of each subject, and how many times the first of its group that is. */
export async function compare(groups: readonly Group[]): Promise<void> {
  const subjects = groups.flat()
  const times = new Map(subjects.map((subject) => [subject, [] as number[]]))
  const repeats = new Map<Subject, number>()
  for (const subject of subjects) repeats.set(subject, await repeatsOf(subject))
  for (let round = 0; round < rounds; round++)
    for (const [subject, list] of times) list.push(await timeOf(subject, repeats.get(subject) ?? 1))
  for (const group of groups) print(group.map((subject) => [subject.name, median(times.get(subject) ?? [])]))
}

/** How often a subject runs in one round; finding out also warms it up. */
async function repeatsOf(subject: Subject): Promise<number> {
  for (let repeats = 1; ; repeats *= 2) {
    const microseconds = await timeOf(subject, repeats)
    if (microseconds * repeats > roundMs * 1000) return repeats
  }
}

/** Microseconds per run. */
async function timeOf(subject: Subject, repeats: number): Promise<number> {
  const start = performance.now()
  for (let i = 0; i < repeats; i++) await subject.run()
  return ((performance.now() - start) * 1000) / repeats
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

function print(rows: readonly (readonly [name: string, microseconds: number])[]): void {
  const base = rows[0]?.[1] ?? Number.NaN
  for (const [name, microseconds] of rows) {
    const time = `${microseconds.toFixed(2)} us`.padStart(12)
    console.log(`${name.padEnd(48)}${time}${`x ${(microseconds / base).toFixed(2)}`.padStart(10)}`)
  }
  console.log()
}
