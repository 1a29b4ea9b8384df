import { inject } from 'vitest'
import { isWorkers } from '../../../src/runtime.ts'
import type { SignedInput, SignedOutput, VectorInput, VectorOutput } from '../../support/reference.ts'

/** A test case of Wycheproof, bytes as hex. */
export interface MacVector {
  readonly tcId: number
  readonly key: string
  readonly msg: string
  readonly tag: string
  readonly result: string
}

/** What the runner started for the suite, and what the suite is to run on. */
export interface Given {
  /** The name of the runtime, as {@link self} gives it, so that no runtime passes for another. */
  readonly runtime: string
  readonly memcached: readonly string[]
  readonly memcachedTls: { readonly address: string; readonly ca: string; readonly otherCa: string }
  readonly redisPort: number
  /** Of a name server that knows the zone `test`. */
  readonly dnsPort: number
  readonly upstash: { readonly url: string; readonly token: string }
}

declare module 'vitest' {
  interface ProvidedContext {
    given: Given
    /** What `#crypto` is in this project. */
    crypto: 'node:crypto' | 'WebCrypto'
    /** The cases of vectors.json: handed over, because a Worker has no file system. */
    vectors: readonly { readonly input: VectorInput; readonly output: VectorOutput }[]
    signed: readonly { readonly input: SignedInput; readonly output: SignedOutput }[]
    /** Null where the file is not there: the configuration says so loudly. */
    macVectors: readonly MacVector[] | null
  }
  interface TaskMeta {
    /** The runtime as it prints itself. */
    runtime?: string
    /** The store of this column is refused here, as it should be. */
    refused?: boolean
  }
}

export const given: Given = inject('given')

/** Whether there are sockets that live longer than a request. */
export const hasSockets: boolean = !isWorkers()

/** The busiest of machines is no outage: only what stands still for so long is. */
export const patience = { connectMs: 20_000, callMs: 20_000 } as const
