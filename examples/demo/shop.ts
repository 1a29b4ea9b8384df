/** One thing on sale. */
export interface Article {
  readonly sku: string
  readonly title: string
  readonly text: string
  readonly cents: number
}

/** In the order of the catalogue. */
export const catalogue: readonly Article[] = [
  { sku: 'hanger', title: 'Coat hanger', text: 'Steamed beech, brass hook. Holds a wet overcoat.', cents: 1800 },
  { sku: 'umbrella', title: 'Umbrella', text: 'Eight ribs, cane crook. Shuts with one hand.', cents: 4200 },
  { sku: 'valise', title: 'Valise', text: 'Waxed canvas with leather corners. Two nights.', cents: 13_000 },
  { sku: 'label', title: 'Luggage labels', text: 'Manila card, eyelet and string. Ten to a packet.', cents: 650 },
  { sku: 'tickets', title: 'Ticket roll', text: 'A thousand numbered pairs: one half each.', cents: 900 },
  { sku: 'hat', title: 'Bowler hat', text: 'Black felt, silk band. Returned to the right head.', cents: 6400 },
]

/**
 * What the session of a visitor holds.
 *
 * Each article has a key of its own: changes to different articles merge without anybody noticing, and a change to the same
 * one is an `update`, which runs again on the newer number. One key for the whole bag would be as safe, and collide more.
 */
export type ShopSession = {
  name: string
  [article: `article:${string}`]: number
  [note: `note:${string}`]: Note
}

/**
 * A flash message. Its key names the POST that left it, so that two tabs never take each other's: with one key for all, two
 * pages that pull at once are a conflict, and one visitor would see an error page instead of the shop.
 */
export interface Note {
  readonly text: string
  /** Milliseconds; a note whose page never came (a double click, a closed tab) is thrown away later. */
  readonly at: number
}

/** One article in the bag. */
export interface Line {
  readonly article: Article
  readonly quantity: number
}

type Seen = { readonly [key: string]: unknown }

export function bagOf(session: Seen): readonly Line[] {
  return catalogue.flatMap((article) => {
    const quantity = session[`article:${article.sku}`]
    return typeof quantity === 'number' ? [{ article, quantity }] : []
  })
}

export function totalCents(lines: readonly Line[]): number {
  return lines.reduce((sum, { article, quantity }) => sum + article.cents * quantity, 0)
}

const noteLivesMs = 60_000

/** The keys of notes that nobody came for. */
export function forgottenNotes(session: Seen, now: number): readonly `note:${string}`[] {
  return Object.entries(session).flatMap(([key, value]) =>
    isNoteKey(key) && (value as Note).at < now - noteLivesMs ? [key] : [],
  )
}

const isNoteKey = (key: string): key is `note:${string}` => key.startsWith('note:')

/** What the buttons send: a change, never a total, so that two tabs with old numbers on the screen cannot undo each other. */
export type Change = 'more' | 'less' | 'none'

export const isChange = (value: unknown): value is Change => value === 'more' || value === 'less' || value === 'none'

const mostOfOne = 99

/** The recipe of an `update`; undefined takes the article out of the bag. */
export function changed(quantity: number | undefined, change: Change): number | undefined {
  if (change === 'none') return undefined
  const next = (quantity ?? 0) + (change === 'more' ? 1 : -1)
  return next > 0 ? Math.min(next, mostOfOne) : undefined
}

const money = new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' })

export const price = (cents: number): string => money.format(cents / 100)
