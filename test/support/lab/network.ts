import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type Bench, until } from './lab.ts'

const canIsolate: boolean = probe()

/** Whether network namespaces and iptables are to be had; says so loudly where they are not. */
export function needsIsolation(): boolean {
  if (!canIsolate)
    console.warn(
      '*** SKIPPED: faults by firewall need root, iproute2 and iptables. Run these tests as root on Linux. ***',
    )
  return !canIsolate
}

function probe(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
  const name = `lab-probe-${process.pid}`
  try {
    run('ip', 'netns', 'add', name)
    run('ip', 'netns', 'exec', name, 'iptables', '-A', 'OUTPUT', '-m', 'owner', '--gid-owner', '60001', '-j', 'DROP')
    return true
  } catch {
    return false
  } finally {
    spawn('ip', ['netns', 'del', name], { stdio: 'ignore' }).on('error', () => {})
  }
}

function run(command: string, ...args: readonly string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
}

/** A memcached within a namespace. */
export interface IsolatedNode {
  readonly port: number
  readonly address: string
  signal(name: NodeJS.Signals): void
}

let networks = 0

/** A network of its own: nothing that is broken in it disturbs the machine. App processes are reached through unix sockets. */
export class Network {
  readonly name: string = `lab-${process.pid}-${networks++}`
  readonly #bench: Bench

  constructor(bench: Bench) {
    this.#bench = bench
    run('ip', 'netns', 'add', this.name)
    bench.defer(() => run('ip', 'netns', 'del', this.name))
    this.run('ip', 'link', 'set', 'lo', 'up')
  }

  /** What a command must begin with to run in here. */
  get prefix(): readonly string[] {
    return ['ip', 'netns', 'exec', this.name]
  }

  run(...command: readonly string[]): string {
    return run('ip', 'netns', 'exec', this.name, ...command)
  }

  /** Adds a rule to what processes in here send; gives what takes it away again. */
  rule(...rule: readonly string[]): () => void {
    this.run('iptables', '-w', '-A', 'OUTPUT', '-p', 'tcp', ...rule)
    return () => void this.run('iptables', '-w', '-D', 'OUTPUT', '-p', 'tcp', ...rule)
  }

  async nodes(count: number): Promise<readonly IsolatedNode[]> {
    return Promise.all(Array.from({ length: count }, (_, at) => this.#node(11_211 + at)))
  }

  async #node(port: number): Promise<IsolatedNode> {
    const args = ['memcached', '-u', 'nobody', '-l', '127.0.0.1', '-p', `${port}`, '-U', '0']
    const child = spawn('ip', ['netns', 'exec', this.name, ...args], { stdio: 'ignore' })
    this.#bench.defer(async () => {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    })
    const listens = () => this.run('ss', '-Hltn', `sport = :${port}`).length > 0
    await until(listens, 5000, 'memcached in a namespace')
    return { port, address: `127.0.0.1:${port}`, signal: (name) => void child.kill(name) }
  }
}
