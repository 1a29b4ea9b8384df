import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Result, ratioOf } from './report.ts'

const [barHeight, gap, labelWidth, barWidth] = [20, 8, 220, 420]

/** Colours of GitHub's light and dark pages; a picture in a README cannot ask which is on, so both are drawn. */
const themes = {
  light: { text: '#1f2328', bar: '#8c959f', ours: '#0969da' },
  dark: { text: '#e6edf3', bar: '#6e7681', ours: '#4493f8' },
} as const

/** One bar chart a scenario and theme, as SVG: requests, times those of the reference. */
export function draw(results: readonly Result[], folder: string): void {
  mkdirSync(folder, { recursive: true })
  for (const result of results) {
    for (const theme of ['light', 'dark'] as const) {
      const file = `${result.scenario.name.replace(/\W+/g, '-')}-${theme}.svg`
      writeFileSync(join(folder, file), chart(result, themes[theme]))
    }
  }
}

function chart(result: Result, { text, bar, ours }: Readonly<Record<'text' | 'bar' | 'ours', string>>): string {
  const rows = [...result.samples.keys()]
    .map((name) => ({ name, x: ratioOf(result, name, ({ perSecond }) => perSecond) }))
    .sort((a, b) => b.x - a.x)
  const most = Math.max(...rows.map(({ x }) => x))
  const height = rows.length * (barHeight + gap) + 34
  const lines = rows.map(({ name, x }, at) => {
    const y = 30 + at * (barHeight + gap)
    const width = Math.max(1, (x / most) * barWidth)
    const colour = name.startsWith('claimcheck') ? ours : bar
    return [
      `<text x="${labelWidth - 8}" y="${y + 15}" text-anchor="end">${name}</text>`,
      `<rect x="${labelWidth}" y="${y}" width="${width.toFixed(1)}" height="${barHeight}" rx="2" fill="${colour}"/>`,
      `<text x="${(labelWidth + width + 6).toFixed(1)}" y="${y + 15}">${x.toFixed(2)}</text>`,
    ].join('')
  })
  const title = `${result.scenario.name}: requests per second, times a hand-written session`
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${labelWidth + barWidth + 60} ${height}" role="img" aria-label="${title}"
  font-family="system-ui, sans-serif" font-size="13" fill="${text}">
<text x="${labelWidth}" y="18" font-weight="600">${title}</text>
${lines.join('\n')}
</svg>
`
}
