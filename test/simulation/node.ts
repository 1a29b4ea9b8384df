/** One command as a node receives it. */
export type Operation =
  | { readonly type: 'get'; readonly key: string }
  | { readonly type: 'add' | 'set'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'cas'; readonly key: string; readonly value: Uint8Array; readonly cas: number }
  | { readonly type: 'delete'; readonly key: string }

/** What the node makes of it. */
export type Reply =
  | { readonly status: 'value'; readonly value: Uint8Array; readonly cas: number }
  | { readonly status: 'absent' | 'taken' | 'missing' | 'conflict' | 'deleted' }
  | { readonly status: 'stored'; readonly cas: number }

/** A memcached that can freeze (and apply what was sent when it thaws), crash and come back empty with its numbers from 1. */
export class SimulatedNode {
  readonly items: Map<string, { readonly value: Uint8Array; readonly cas: number }> = new Map()
  isUp = true
  isPaused = false
  /** Counts lives: what was sent to an earlier one is lost. */
  life = 0
  waiting: (() => void)[] = []
  /** Told when it dies: the kernel closes the sockets of a dead process. */
  readonly connections: (() => void)[] = []
  #cas = 0

  apply(operation: Operation): Reply {
    const item = this.items.get(operation.key)
    switch (operation.type) {
      case 'get':
        return item ? { status: 'value', ...item } : { status: 'absent' }
      case 'add':
        return item ? { status: 'taken' } : this.#store(operation.key, operation.value)
      case 'cas':
        if (!item) return { status: 'missing' }
        return item.cas === operation.cas ? this.#store(operation.key, operation.value) : { status: 'conflict' }
      case 'set':
        return this.#store(operation.key, operation.value)
      case 'delete':
        this.items.delete(operation.key)
        return { status: 'deleted' }
    }
  }

  crash(): void {
    this.items.clear()
    this.#cas = 0
    this.life++
    this.isPaused = false
    this.waiting = []
    for (const reset of this.connections) reset()
  }

  #store(key: string, value: Uint8Array): Reply {
    const cas = ++this.#cas
    this.items.set(key, { value, cas })
    return { status: 'stored', cas }
  }
}
