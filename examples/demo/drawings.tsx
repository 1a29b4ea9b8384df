import type { Child } from 'hono/jsx'
import type { JSX } from 'hono/jsx/jsx-runtime'

/** Line drawings in the colour of the text, so that light and dark need no second set. */
const drawings: Readonly<Record<string, Child>> = {
  hanger: (
    <>
      <path d="M32 25v-4c5-1 7-4 7-7a7 7 0 0 0-14 0" />
      <path d="M32 25 8 42c-3 2-2 6 2 6h44c4 0 5-4 2-6z" />
    </>
  ),
  umbrella: (
    <>
      <path d="M32 9V6M6 34a26 25 0 0 1 52 0c-4-5-9-5-13 0-4-5-9-5-13 0-4-5-9-5-13 0-4-5-9-5-13 0z" />
      <path d="M32 9c-7 6-12 14-13 25M32 9c7 6 12 14 13 25M32 32v20a5 5 0 0 0 10 0v-2" />
    </>
  ),
  valise: (
    <>
      <path d="M24 20v-6a4 4 0 0 1 4-4h8a4 4 0 0 1 4 4v6" />
      <rect x="6" y="20" width="52" height="34" rx="4" />
      <path d="M6 30l10-10M58 30 48 20M6 44l10 10M58 44 48 54M6 37h22M36 37h22" />
      <rect x="28" y="33" width="8" height="8" rx="1" />
    </>
  ),
  label: (
    <>
      <path d="M24 18h32a2 2 0 0 1 2 2v26a2 2 0 0 1-2 2H24L12 38V28z" />
      <circle cx="21" cy="33" r="3" />
      <path d="M21 33C12 34 6 40 6 54M31 28h20M31 34h20M31 40h12" />
    </>
  ),
  tickets: (
    <>
      <circle cx="24" cy="32" r="18" />
      <circle cx="24" cy="32" r="6" />
      <path d="M24 50h34V34H42M50 34v16" stroke-dasharray="none" />
      <circle cx="24" cy="32" r="12" stroke-dasharray="2 3" />
    </>
  ),
  hat: (
    <>
      <path d="M14 42c0-20 6-28 18-28s18 8 18 28" />
      <path d="M14 36c10 4 26 4 36 0" />
      <path d="M14 42c-5-1-9-3-10-6 0 9 12 14 28 14s28-5 28-14c-1 3-5 5-10 6-10 3-26 3-36 0z" />
    </>
  ),
}

export function Drawing({ sku }: { readonly sku: string }): JSX.Element {
  return (
    <svg class="drawing" viewBox="0 0 64 64" aria-hidden="true">
      {drawings[sku]}
    </svg>
  )
}

/** Half a ticket, for the tab of the browser. */
export const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path fill="#b3311a" d="M4 7h24v6a3 3 0 0 0 0 6v6H4v-6a3 3 0 0 0 0-6z"/><path stroke="#fffcf5" stroke-width="2" stroke-dasharray="2 2" d="M20 8v16"/></svg>`
