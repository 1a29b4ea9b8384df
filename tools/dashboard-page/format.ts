const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 })
const fine = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3 })
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const minutes = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })

/** What there is nothing to say of. */
export const none = '–'

export const numberText = (value: number | undefined): string =>
  value === undefined || Number.isNaN(value) ? none : Math.abs(value) >= 100 ? whole.format(value) : fine.format(value)

export const percentText = (share: number | undefined): string =>
  share === undefined || Number.isNaN(share) ? none : `${numberText(share * 100)} %`

export const msText = (ms: number | undefined): string => (ms ? `${numberText(ms)} ms` : none)

export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${numberText(bytes)} B`
  return bytes < 1024 * 1024 ? `${numberText(bytes / 1024)} KiB` : `${numberText(bytes / 1024 / 1024)} MiB`
}

export const timeText = (ms: number): string => clock.format(ms)
export const minuteText = (ms: number): string => minutes.format(ms)

export function durationText(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 120) return `${seconds} s`
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${numberText(seconds / 3600)} h`
}

/** `no-session` as a heading says it. */
export const wordsOf = (name: string): string => name.replaceAll('-', ' ')
