import type { Socket } from 'node:net'
import { StoreUnavailableError } from '../../../../src/errors.ts'

/** What a configuration endpoint said. */
export interface ClusterConfig {
  /** Grows with each change of the cluster. */
  readonly version: number
  readonly servers: readonly { readonly host: string; readonly port: number }[]
}

/** A node takes about 100 bytes and ElastiCache allows 60 of them; what is longer is no configuration. */
const maxReplyLength = 65_536
/** ElastiCache from engine 1.4.14 on, and Memorystore. */
const command = 'config get cluster\r\n'
/** ElastiCache before that, on the same connection; stock memcached answers END to it. */
const olderCommand = 'get AmazonElastiCache:cluster\r\n'

/** Asks on a new connection, in the newer way first. Rejects with `StoreUnavailableError`, also when the signal aborts. */
export function readClusterReply(open: () => Socket, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = open().setEncoding('latin1')
    let text = ''
    const end = (reason: string | undefined, cause?: unknown) => {
      signal.removeEventListener('abort', abort)
      socket.destroy()
      if (reason === undefined) resolve(text)
      else reject(failed(reason, cause))
    }
    const abort = () => end('did not answer in time', signal.reason)
    socket.on('data', (chunk) => {
      text += chunk
      if (text.length > maxReplyLength) end('sent a reply larger than 64 KB')
      else if (/^(CLIENT_|SERVER_)?ERROR\b[^\n]*\n/.test(text)) askAgain()
      else if (/(^|\n)END\r?\n$/.test(text)) end(undefined)
    })
    let isOlder = false
    const askAgain = () => {
      if (isOlder) return end('does not know the command')
      isOlder = true
      text = ''
      socket.write(olderCommand)
    }
    // An error is always followed by close; whichever comes first settles, the rest has no effect.
    socket.on('error', (error) => end('cannot be reached', error))
    socket.on('close', () => end('hung up in the middle'))
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
    else socket.write(command)
  })
}

/**
 * Reads `CONFIG cluster 0 <length>`, the version, and `host|ip|port host|ip|port ...`, each on its line, up to `END`.
 *
 * Lines end in CR LF or LF and empty ones are skipped, because implementations differ there, and in what they count as the
 * length (docs.aws.amazon.com, "Adding Auto Discovery to your Memcached client library"). Throws `StoreUnavailableError`.
 */
export function parseClusterConfig(text: string): ClusterConfig {
  const [header, version, nodes, end, ...rest] = text.split(/\r?\n/).filter((line) => line.trim() !== '')
  const isConfig = /^(CONFIG cluster|VALUE AmazonElastiCache:cluster) \d+ \d+\s*$/.test(header ?? '')
  if (!isConfig || !/^\s*\d{1,15}\s*$/.test(version ?? '') || end !== 'END' || rest.length > 0)
    throw failed('sent no configuration')
  const servers = (nodes as string).trim().split(/\s+/).map(parseNode)
  return { version: Number(version), servers: servers.sort((a, b) => (key(a) < key(b) ? -1 : 1)) }
}

/** Nodes in one order for all, in which configurations list them or not. */
const key = ({ host, port }: { host: string; port: number }) => `${host}:${port}`

function parseNode(text: string): { readonly host: string; readonly port: number } {
  const [, host, ip, digits] = /^([^|]*)\|([^|]*)\|(\d{1,5})$/.exec(text) ?? []
  const name = host === '' ? ip : host
  const port = Number(digits)
  if (!name || port < 1 || port > 65_535) throw failed('sent a node that cannot be read')
  return { host: name, port }
}

function failed(reason: string, cause?: unknown): StoreUnavailableError {
  const message = `the configuration endpoint ${reason}`
  return new StoreUnavailableError(message, cause === undefined ? undefined : { cause })
}
