import { createConnection } from 'node:net'

/** Sends raw lines to a memcached and gives all it says until it closes. */
export async function say(port: number, ...lines: readonly string[]): Promise<string> {
  const socket = createConnection(port, '127.0.0.1')
  socket.end([...lines, 'quit', ''].join('\r\n'))
  socket.setEncoding('latin1')
  let text = ''
  for await (const chunk of socket) text += chunk
  return text
}

export async function statsOf(port: number): Promise<Readonly<Record<string, number>>> {
  const text = await say(port, 'stats')
  return Object.fromEntries(
    [...text.matchAll(/STAT (\w+) ([\d.]+)\r\n/g)].map(([, name, value]) => [name, Number(value)]),
  )
}

/** Every key on a node. The dump asks for a patient server: it is refused while another runs. */
export async function keysOn(port: number): Promise<readonly string[]> {
  const text = await say(port, 'lru_crawler metadump all')
  return [...text.matchAll(/^key=(\S+)/gm)].map(([, key]) => decodeURIComponent(key as string))
}

/** On how many nodes each key is. */
export async function copiesOf(ports: readonly number[]): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>()
  for (const port of ports) for (const key of await keysOn(port)) counts.set(key, (counts.get(key) ?? 0) + 1)
  return counts
}
