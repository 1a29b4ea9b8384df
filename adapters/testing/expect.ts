import { type Tested, type TestedOptions, visit } from './visit.ts'

/** Test runners show what differs by `actual` and `expected`; the message names the keys alone. */
class ExpectationError extends Error {
  override readonly name = 'AssertionError'
  readonly actual: unknown
  readonly expected: unknown

  constructor(message: string, actual: unknown, expected: unknown) {
    super(message)
    this.actual = actual
    this.expected = expected
  }
}

/**
 * Rejects unless the session behind this Cookie header holds these values; other keys may hold what they like, and one that is expected
 * to be undefined must not be there. With null it rejects unless the header names no session that lives.
 *
 * Looking does not count as activity of the user. The error has the name `AssertionError`, `actual` and `expected`.
 */
export async function expectSession<Data extends object = Record<string, unknown>>(
  tested: Tested<Data>,
  cookie: string | null | undefined,
  expected: NoInfer<{ readonly [Key in keyof Data]?: Data[Key] | undefined }> | null,
  options: TestedOptions = {},
): Promise<void> {
  await visit<Data>(tested, cookie, options, async (session) => {
    session.passive()
    const isLive = (await session.info()) !== undefined
    const actual = isLive ? ((await session.all()) as Readonly<Record<string, unknown>>) : null
    compare(actual, expected as Readonly<Record<string, unknown>> | null)
  })
}

type Values = Readonly<Record<string, unknown>>

function compare(all: Values | null, expected: Values | null): void {
  if (expected === null && all === null) return
  if (expected === null) throw new ExpectationError('the session lives, and should not', all, null)
  if (all === null) throw new ExpectationError('no session lives under this cookie', null, expected)
  const actual = Object.fromEntries(Object.keys(expected).map((key) => [key, own(all, key)]))
  const differing = Object.keys(expected).filter((key) => canonical(actual[key]) !== canonical(expected[key]))
  if (differing.length > 0)
    throw new ExpectationError(
      `the session does not hold what was expected at ${differing.join(', ')}`,
      actual,
      expected,
    )
}

const own = (values: Values, key: string) => (Object.hasOwn(values, key) ? values[key] : undefined)

/** JSON is all that a session holds; the order of the members does not count. */
const canonical = (value: unknown) =>
  JSON.stringify(value, (_, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  )
