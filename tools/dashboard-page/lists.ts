import { columns, type Kind, positionOf, type Row, reasonsOf } from '../../adapters/dashboard/columns.ts'
import type { NodeView, Times, View } from '../../adapters/dashboard/view.ts'
import type { AbsentReason } from '../../src/events.ts'
import { commitNames, loadNames, lossNames, missNames, type Timeline } from './drawings.ts'
import { bytesText, durationText, msText, none, numberText, percentText, timeText, wordsOf } from './format.ts'
import { type Cell, fill } from './tables.ts'

const total = (list: readonly number[]) => list.reduce((sum, value) => sum + value, 0)
const nowSeconds = 10

/** The figures at the top. */
export function showTiles(view: View, { sum }: Timeline): void {
  const perSecond = (names: readonly string[]) => numberText(total(sum(...names).slice(-nowSeconds)) / nowSeconds)
  const found = total(sum('load:hit'))
  const lost = total(sum(...lossNames))
  const refused = total(sum('unavailable'))
  const tiles: readonly (readonly [string, string, string, boolean?])[] = [
    ['Loads', perSecond(loadNames), 'per second'],
    ['Commits', perSecond(commitNames), 'per second'],
    ['Hit ratio', percentText(found / (found + total(sum(...missNames)))), 'last five minutes'],
    ['Lost', numberText(lost), 'last five minutes', lost > 0],
    ['Unavailable', numberText(refused), 'last five minutes', refused > 0],
    ['Load, 99 %', msText(view.verbs.load?.p99), 'last minutes'],
  ]
  const list = document.getElementById('tiles') as HTMLElement
  for (const [at, [name, value, note, isBad]] of tiles.entries()) {
    const tile = (list.children[at] as HTMLElement | undefined) ?? list.appendChild(newTile())
    tile.classList.toggle('bad', isBad === true)
    const [term, figure, small] = tile.children
    for (const [place, text] of [
      [term, name],
      [figure, value],
      [small, note],
    ] as const)
      if (place && place.textContent !== text) place.textContent = text
  }
}

function newTile(): HTMLElement {
  const tile = document.createElement('div')
  tile.append(...['dt', 'dd', 'dd'].map((name) => document.createElement(name)))
  return tile
}

export function showLists(view: View, timeline: Timeline): void {
  showNodes(view)
  showReasons(view, timeline)
  showTimes(view)
  showProcesses(view)
  showNotable(view)
}

function showNodes({ nodes }: View): void {
  const heads = [
    'Node',
    'State',
    'Answer',
    'Items',
    'Share of items',
    'Share of commands',
    'Evictions',
    'Hit ratio',
    'Version',
  ]
  const rows = nodes.map((node): readonly Cell[] => [
    node.node,
    { text: stateOf(node), isBad: node.upIn < node.knownIn || node.outMs !== undefined },
    msText(node.latencyMs),
    numberText(node.items),
    { text: percentText(node.itemShare), share: node.itemShare },
    { text: percentText(node.commandShare), share: node.commandShare },
    { text: numberText(node.evictions), isBad: (node.evictions ?? 0) > 0 },
    percentText(node.hitRatio),
    [node.version, node.protocol].filter(Boolean).join(', ') || none,
  ])
  fill('nodes', heads, rows, 'This store tells of no nodes.')
}

/** In words: down, or up and not used yet, and since when. */
function stateOf({ upIn, knownIn, outMs, reason }: NodeView): string {
  const by = knownIn > 1 ? ` for ${knownIn - upIn} of ${knownIn} processes` : ''
  const away = outMs === undefined ? '' : `, out for ${durationText(outMs)}`
  if (upIn < knownIn) return `down${by}${reason ? `: ${wordsOf(reason)}` : ''}${away}`
  return outMs === undefined ? 'up' : `up${away}`
}

const meanings: Readonly<Record<AbsentReason, string>> = {
  evicted: 'lost before its time: thrown out, flushed, or gone with a server',
  'given-up': 'a node that may have it is away for too long',
  'rolled-back': 'what is stored is older than what the browser has seen',
  corrupt: 'what is stored does not open',
  idle: 'not used for its idle time',
  absolute: 'has come to its end',
  'logged-out': 'a cookie was used after the logout',
  revoked: 'ended by others, or the oldest of too many',
  regenerated: 'a cookie was used after a newer one was given',
  'never-stored': 'a visitor without a session',
  refused: 'the cookie is no good',
}

const kinds: readonly Kind[] = ['lost', 'ended', 'none came along']

function showReasons({ totals }: View, { sum }: Timeline): void {
  const rows = kinds.flatMap((kind) =>
    reasonsOf(kind).map((reason): readonly Cell[] => {
      const name = `load:${reason}`
      const lately = total(sum(name))
      const isBad = kind === 'lost' && lately > 0
      return [
        wordsOf(reason),
        { text: numberText(lately), isBad },
        numberText(totals[positionOf(name) ?? -1]),
        kind,
        meanings[reason],
      ]
    }),
  )
  fill('reasons', ['Reason', 'Last five minutes', 'Since the start', 'Kind', 'Means'], rows, none)
}

const timeCells = ({ count, p50, p90, p99 }: Times): readonly string[] => [
  numberText(count),
  msText(p50),
  msText(p90),
  msText(p99),
]
const timeHeads = ['Count', 'Half', '90 %', '99 %']

function showTimes({ verbs, commands, sizes, sizeTimes }: View): void {
  const rows = Object.entries(verbs).map(([verb, times]) => [
    verb === 'load' ? verb : `commit: ${verb}`,
    ...timeCells(times),
  ])
  const size =
    total(sizes) > 0
      ? ` Half of all records have at most ${bytesText(sizeTimes.p50)}, 99 % ${bytesText(sizeTimes.p99)}.`
      : ''
  fill('verbs', ['What', ...timeHeads], rows, none)
  fill(
    'commands',
    ['Node', 'Command', ...timeHeads],
    commands.map((one) => [one.node, one.command, ...timeCells(one)]),
    'No commands of Memcached were seen.',
  )
  const note = document.querySelector('#sizes-title + p')
  if (note) note.textContent = `Records written since the start, by their bytes as stored.${size}`
}

function showProcesses({ processes, at }: View): void {
  const rows = processes.map(({ name, error, ready, since, rows = [] }): readonly Cell[] => {
    const count = (names: readonly string[]) => total(rows.map((row) => total(names.map((one) => columnOf(row, one)))))
    if (error !== undefined) return [name, { text: error, isBad: true }, none, none, none, none, none]
    return [
      name,
      { text: ready ? 'ready' : 'not ready', isBad: !ready },
      since === undefined ? none : durationText(at - since),
      numberText(count(loadNames) / nowSeconds),
      numberText(count(commitNames) / nowSeconds),
      numberText(count(lossNames)),
      numberText(count(['unavailable'])),
    ]
  })
  fill(
    'processes',
    ['Process', 'State', 'Counts for', 'Loads per second', 'Commits per second', 'Lost', 'Unavailable'],
    rows,
    none,
  )
}

const columnOf = (row: Row, name: string) => row[1 + (positionOf(name) ?? columns.length)] ?? 0

function showNotable({ notable }: View): void {
  const rows = notable.map(({ at, type, reason, node, ref, bytes, count }): readonly Cell[] => [
    timeText(at),
    wordsOf(type),
    reason === undefined ? none : wordsOf(reason),
    numberText(count),
    node ?? none,
    ref ?? none,
    bytes === undefined ? none : bytesText(bytes),
  ])
  fill(
    'notable',
    ['Time', 'Event', 'Reason', 'Times', 'Node', 'Reference', 'Size'],
    rows,
    'Nothing notable has happened.',
  )
}
