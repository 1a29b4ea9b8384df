import type { View } from '../../adapters/dashboard/view.ts'
import { drawings, timelineOf } from './drawings.ts'
import { durationText, timeText } from './format.ts'
import { showLists, showTiles } from './lists.ts'

const byId = (id: string) => document.getElementById(id) as HTMLElement
const address = (document.currentScript as HTMLScriptElement).dataset.events as string
/** A second and some patience; a stream that is opened again takes a moment. */
const lateMs = 4000
const againMs = 2000

let source: EventSource | undefined
let lastAt = performance.now()
let isPaused = false
/** What was said of the nodes last: only changes are said aloud. */
let said = new Map<string, string>()

const draw = drawings()

function show(view: View): void {
  const timeline = timelineOf(view)
  showTiles(view, timeline)
  showLists(view, timeline)
  draw(view, timeline)
  summarize(view)
  announce(view)
}

function summarize({ nodes, ready, store, since, at }: View): void {
  const up = nodes.filter(({ upIn, knownIn }) => upIn === knownIn).length
  const ofNodes = nodes.length > 0 ? `${up} of ${nodes.length} nodes up, ` : ''
  const text = `${store}: ${ready ? 'ready' : 'not ready'}. ${ofNodes}counting for ${durationText(at - since)}.`
  byId('summary').textContent = text
  byId('summary').classList.toggle('bad', !ready || up < nodes.length)
}

function announce({ nodes }: View): void {
  const now = new Map(nodes.map((node) => [node.node, node.upIn < node.knownIn ? 'is down' : 'is up']))
  const changes = [...now].filter(([node, state]) => (said.get(node) ?? 'is up') !== state)
  if (changes.length > 0) say(changes.map(([node, state]) => `Node ${node} ${state}.`).join(' '))
  said = now
}

const say = (text: string) => {
  byId('announcer').textContent = text
}

function setLive(text: string, isGood: boolean): void {
  if (byId('live').textContent !== text) byId('live').textContent = text
  document.documentElement.dataset.live = isGood ? 'yes' : 'no'
}

function listen(): void {
  source = new EventSource(address)
  source.onmessage = ({ data }) => {
    lastAt = performance.now()
    setLive(`live, ${timeText(Date.now())}`, true)
    show(JSON.parse(data) as View)
  }
  // A stream that ends is opened again by the browser; an answer that is no stream is not: whoever is no longer authorized sees that.
  source.onerror = () => {
    if (source?.readyState !== EventSource.CLOSED) return
    setLive('no answer, or no access any more; trying again', false)
    setTimeout(() => isPaused || listen(), againMs)
  }
}

setInterval(() => {
  if (isPaused || performance.now() - lastAt < lateMs || document.documentElement.dataset.live === 'no') return
  setLive(`connection lost at ${timeText(Date.now())}`, false)
  say('Connection lost.')
}, 1000)

byId('pause').addEventListener('click', () => {
  isPaused = !isPaused
  byId('pause').textContent = isPaused ? 'Resume' : 'Pause'
  source?.close()
  if (isPaused) setLive(`paused, ${timeText(Date.now())}`, false)
  else listen()
})

listen()
