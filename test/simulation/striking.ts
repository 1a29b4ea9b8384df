import type { Fault } from './faults.ts'
import type { Weather } from './network.ts'
import type { SimulatedNode } from './node.ts'
import type { VirtualTime } from './virtual-time.ts'

/** Brings one fault about, or ends it. */
export function strike(fault: Fault, node: SimulatedNode, weather: Weather, time: VirtualTime): void {
  const link = `${fault.process}-${fault.node}`
  switch (fault.type) {
    case 'pause':
      node.isPaused = true
      return
    case 'resume':
      thaw(node, time)
      return
    case 'crash':
      node.crash()
      return
    case 'stop':
      node.crash()
      node.isUp = false
      return
    case 'start':
      node.isUp = true
      return
    case 'cut':
      weather.cut.add(link)
      return
    case 'heal':
      heal(fault, link, weather, time)
      return
    case 'muffle':
      weather.lossy.add(link)
      return
    case 'clear':
      weather.lossy.delete(link)
      return
    case 'doom':
      weather.doomed.add(fault.process ?? 0)
      return
    case 'stick':
      weather.stuck.set(link, [])
      return
    case 'move':
      inOrder(weather.stuck.get(link) ?? [], time)
      weather.stuck.delete(link)
  }
}

/** What was sent to a frozen node is applied when it thaws, whoever still waits for it. */
function thaw(node: SimulatedNode, time: VirtualTime): void {
  node.isPaused = false
  const waiting = node.waiting
  node.waiting = []
  inOrder(waiting, time)
}

function inOrder(waiting: readonly (() => void)[], time: VirtualTime): void {
  for (const [nth, deliver] of waiting.entries()) time.after(0.1 + nth * 0.01 + time.random() * 0.005, deliver)
}

function heal({ node }: Fault, link: string, weather: Weather, time: VirtualTime): void {
  weather.cut.delete(link)
  const held = weather.held.get(node) ?? []
  weather.held.delete(node)
  for (const deliver of held) time.after(time.random() * 5, deliver)
}
