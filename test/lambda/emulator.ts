import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { endWithThis } from '../support/at-exit.ts'

/** The real runtime client of AWS Lambda, as its own package installs it. */
const client = fileURLToPath(new URL('./node_modules/aws-lambda-ric/index.mjs', import.meta.url))
/** Whether the runtime client is there; where it is not, `howToInstall` says what to do. */
export const isInstalled: boolean = existsSync(client)
/** For whoever reads a failure on a machine without it. */
export const howToInstall: string =
  'the runtime client of Lambda is missing: npm ci --prefix test/lambda (needs Node 22 or newer, cmake, g++, make, python3)'

/** What a function is started with. */
export interface LambdaOptions {
  /** `file.export`, relative to `cwd`, as in the configuration of a function: `handler.handler`. */
  readonly handler: string
  readonly cwd: string
  /** Default: the Node that runs this. */
  readonly node?: string | undefined
  /** Added to what Lambda itself sets. */
  readonly env?: Readonly<Record<string, string>> | undefined
}

/** How one invocation ended, as the Runtime API was told. */
export interface Invocation {
  readonly kind: 'response' | 'error' | 'init/error'
  /** The body as JSON; its text where it is none, as that of a stream. */
  readonly result: unknown
  readonly contentType: string | undefined
  /** As they arrived, one after the other; only streams have several. */
  readonly chunks: readonly Uint8Array[]
  /** Of a stream that broke off. */
  readonly trailers: Readonly<Record<string, string | undefined>>
}

/** One instance of a function: the runtime client in a process of its own, and the Runtime API that drives it. */
export interface Lambda {
  readonly pid: number
  /** What was reported while the function was loaded, parsed: `errorType`, `errorMessage`. */
  readonly initError: { readonly errorType: string; readonly errorMessage: string } | undefined
  /** Everything it has printed. */
  log(): string
  /**
   * One event at a time, as Lambda does it. `freezes`: the process is stopped as soon as it asks for the next event, as Lambda
   * does where there is none; settles then. The next event thaws it.
   */
  invoke(event: unknown, options?: { readonly freezes?: boolean }): Promise<Invocation>
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts an instance; it is loaded in the background, and the first `invoke` waits for it. */
export async function startLambda(options: LambdaOptions): Promise<Lambda> {
  if (!isInstalled) throw new Error(howToInstall)
  const api = new RuntimeApi()
  const port = await api.listen()
  const child = launch(options, port)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk))
  child.once('exit', (code) => api.ended(`the runtime client ended with ${code}:\n${output}`))
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    await api.close()
  }
  return {
    pid: child.pid as number,
    get initError() {
      return api.initError
    },
    log: () => output,
    async invoke(event, { freezes = false } = {}) {
      child.kill('SIGCONT')
      const invocation = await api.invoke(event)
      if (freezes) await api.idle()
      if (freezes) child.kill('SIGSTOP')
      return invocation
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** With the environment that Lambda sets, and nothing of ours but the path. */
function launch({ handler, cwd, node = process.execPath, env = {} }: LambdaOptions, port: number): ChildProcess {
  const child = spawn(node, [client, handler], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}`,
      LAMBDA_TASK_ROOT: cwd,
      _HANDLER: handler,
      AWS_LAMBDA_FUNCTION_NAME: 'test',
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '128',
      AWS_LAMBDA_LOG_GROUP_NAME: 'group',
      AWS_LAMBDA_LOG_STREAM_NAME: 'stream',
      AWS_REGION: 'eu-west-1',
      ...env,
    },
  })
  endWithThis(child)
  return child
}

interface Task {
  readonly id: string
  readonly event: unknown
  readonly settle: PromiseWithResolvers<Invocation>
}

/** The four calls of the Runtime API (Lambda developer guide, "Using the Lambda runtime API"). */
class RuntimeApi {
  readonly #server: Server = createServer((request, response) => void this.#serve(request, response))
  readonly #queue: Task[] = []
  readonly #tasks: Map<string, Task> = new Map()
  #waiting: ServerResponse | undefined
  #onIdle: (() => void) | undefined
  #end: string | undefined
  initError: Lambda['initError']

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return (this.#server.address() as AddressInfo).port
  }

  invoke(event: unknown): Promise<Invocation> {
    const task: Task = { id: randomUUID(), event, settle: Promise.withResolvers() }
    if (this.#end !== undefined && !this.initError) return Promise.reject(new Error(this.#end))
    if (this.initError) return Promise.resolve(failedInit(this.initError))
    this.#tasks.set(task.id, task)
    this.#queue.push(task)
    this.#handOut()
    return task.settle.promise
  }

  /** When the process waits for an event. */
  async idle(): Promise<void> {
    if (!this.#waiting) await new Promise<void>((wake) => (this.#onIdle = wake))
  }

  /** The process is gone: nobody will answer any more. */
  ended(reason: string): void {
    this.#end = reason
    for (const { settle } of this.#tasks.values()) settle.reject(new Error(reason))
    this.#tasks.clear()
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').replace('/2018-06-01/runtime/', '')
    if (request.method === 'GET' && path === 'invocation/next') {
      this.#waiting = response
      this.#onIdle?.()
      this.#handOut()
      return
    }
    const chunks: Uint8Array[] = []
    for await (const chunk of request) chunks.push(chunk)
    const [, id, kind] = /^invocation\/([^/]+)\/(response|error)$/.exec(path) ?? []
    const task = this.#tasks.get(id ?? '')
    response.writeHead(202, { 'content-type': 'application/json' }).end('{"status":"OK"}')
    const result = parse(Buffer.concat(chunks).toString())
    if (path === 'init/error') this.#failInit(result)
    if (id === undefined || !task) return
    this.#tasks.delete(id)
    const { headers, trailers } = request
    task.settle.resolve({
      ...{ kind: kind as 'response' | 'error', result, chunks },
      ...{ contentType: headers['content-type'], trailers: trailers as Invocation['trailers'] },
    })
  }

  #failInit(result: unknown): void {
    const error = result as NonNullable<Lambda['initError']>
    this.initError = error
    for (const { settle } of this.#tasks.values()) settle.resolve(failedInit(error))
    this.#tasks.clear()
  }

  #handOut(): void {
    if (!this.#waiting) return
    const task = this.#queue.shift()
    if (!task) return
    this.#waiting.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': task.id,
      'lambda-runtime-deadline-ms': `${Date.now() + 10_000}`,
      'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:eu-west-1:000000000000:function:test',
      'lambda-runtime-trace-id': 'Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0',
    })
    this.#waiting.end(JSON.stringify(task.event))
    this.#waiting = undefined
  }
}

const failedInit = (error: NonNullable<Lambda['initError']>): Invocation => ({
  ...{ kind: 'init/error', result: error, contentType: undefined, chunks: [], trailers: {} },
})

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
