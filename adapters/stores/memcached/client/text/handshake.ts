import { noData, type Replies, ReplyError } from './parser.ts'
import { complaint } from './protocol.ts'

/** What a connection starts with. */
export interface HandshakeOptions {
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** `auto`: meta from memcached 1.6.13 on, classic before. */
  readonly protocol: 'auto' | 'meta' | 'classic'
}

/** What the server can do. */
export interface Abilities {
  readonly isMeta: boolean
  readonly hasGats: boolean
  /** Not behind a proxy: twemproxy hangs up on it. */
  readonly hasStats: boolean
  /** The server's limit on an item, key and header included, where it told it. */
  readonly itemBytes: number | undefined
}

type Numbers = readonly [number, number, number]
/** Earlier ones answer `OK` where it should be `HD`, want other arguments, and get CAS wrong (measured on 1.6.6 and 1.6.12). */
const firstMeta: Numbers = [1, 6, 13]
/** The oldest whose protocol.txt was found to have `gats`. */
const firstGats: Numbers = [1, 5, 16]
/** The first with `touch` (release notes of 1.4.8); below it sessions could not slide. */
const firstTouch: Numbers = [1, 4, 8]
/** What can stand as a key, where the user name has to. */
const keyLike = /^[\x21-\x7e]{1,250}$/

/**
 * Signs in, then asks for the version and, where it is no proxy, for the settings: whether the server evicts, and its item limit.
 * One question at a time: after a refused login 1.6.18 swallows whatever was sent behind it with ONE answer, and every reply after
 * that would be taken for another.
 *
 * A proxy answers `version` with its own text (twemproxy, mcrouter), or with `ERROR`. `auto` refuses that: behind a proxy a
 * version would not be bound to one life of one server, since the connection outlives it. `protocol: 'classic'` takes any
 * `VERSION`; twemproxy then has all that is asked of it (gets, cas, add, touch), mcrouter has no compare-and-swap.
 */
export class Handshake implements Replies {
  readonly #options: HandshakeOptions
  readonly #say: (text: string) => void
  readonly #onDone: (abilities: Abilities) => void
  readonly #logins: string[]
  #asked: 'nothing' | 'login' | 'version' | 'settings' = 'nothing'
  #evicts = true
  #itemBytes: number | undefined
  #abilities: Omit<Abilities, 'itemBytes'> = { isMeta: false, hasGats: false, hasStats: false }

  constructor(options: HandshakeOptions, say: (text: string) => void, onDone: (abilities: Abilities) => void) {
    this.#options = options
    this.#say = say
    this.#onDone = onDone
    this.#logins = loginsOf(options)
  }

  /** To be called when the socket is open. */
  start(): void {
    const login = this.#logins.shift()
    if (login === undefined) this.#ask('version', 'version\r\n')
    else this.#ask('login', login)
  }

  #ask(what: 'login' | 'version' | 'settings', text: string): void {
    this.#asked = what
    this.#say(text)
  }

  line(bytes: Buffer, start: number, end: number): number {
    const line = bytes.toString('latin1', start, end)
    if (this.#asked === 'version') this.#versioned(line)
    else if (this.#asked === 'login') this.#answered(line)
    else if (this.#asked === 'settings') this.#told(line)
    else throw new ReplyError(complaint(line))
    return noData
  }

  data(): void {}

  #answered(line: string): void {
    if (line === 'STORED') this.#logins.length = 0
    else if (line.startsWith('ERROR Too many')) throw new ReplyError(complaint(line))
    else if (this.#logins.length === 0) throw new ReplyError('did not accept the user name and password')
    this.start()
  }

  #versioned(line: string): void {
    const { protocol } = this.#options
    this.#asked = 'nothing'
    if (!line.startsWith('VERSION ')) throw new ReplyError(complaint(line))
    const [, ...digits] = /^VERSION (\d{1,4})\.(\d{1,4})\.(\d{1,6})/.exec(line) ?? []
    const version: Numbers = [Number(digits[0] ?? 0), Number(digits[1] ?? 0), Number(digits[2] ?? 0)]
    if (protocol === 'auto' && !isFrom(version, firstTouch))
      throw new ReplyError(
        "is older than 1.4.8 or no memcached but a proxy: protocol 'classic' may work, see its limits",
      )
    const isMeta = protocol === 'auto' ? isFrom(version, firstMeta) : protocol === 'meta'
    this.#abilities = { isMeta, hasGats: isMeta || isFrom(version, firstGats), hasStats: isFrom(version, firstTouch) }
    if (isMeta || this.#abilities.hasStats) this.#ask('settings', 'stats settings\r\n')
    else this.#onDone({ ...this.#abilities, itemBytes: undefined })
  }

  /**
   * Without evictions (-M) a meta set that finds no room drops the OLD item, even with a wrong CAS; classic cas keeps it (measured on
   * 1.6.18). A managed service that does not tell its settings evicts. A set that is larger than an item may be (-I) drops the old
   * one, too, over either protocol.
   */
  #told(line: string): void {
    if (line === 'STAT evictions off') this.#evicts = false
    const [, limit] = /^STAT item_size_max (\d{1,12})$/.exec(line) ?? []
    if (limit !== undefined) this.#itemBytes = Number(limit)
    if (line.startsWith('STAT ')) return
    this.#asked = 'nothing'
    if (!this.#evicts && this.#options.protocol === 'meta')
      throw new ReplyError("runs with -M, which loses sessions over the meta protocol: protocol 'auto' takes classic")
    const isMeta = this.#abilities.isMeta && this.#evicts
    this.#onDone({ ...this.#abilities, isMeta, itemBytes: this.#itemBytes })
  }
}

/**
 * memcached's own form (-Y; protocol.txt, "Authentication"), then MemCachier's: the user name as key, the password as value.
 *
 * To a server that wants no login the first is a plain `set`, and answered alike. The expiry of -1 keeps the password
 * from lying there for everybody to read; -Y does not look at it.
 */
function loginsOf({ username, password }: HandshakeOptions): string[] {
  if (username === undefined || password === undefined) return []
  // latin1, so that the length in characters is the length in bytes, as everywhere in this client.
  const [user, secret] = [latin1(username), latin1(password)]
  const both = `${user} ${secret}`
  const own = `set login 0 -1 ${both.length}\r\n${both}\r\n`
  return keyLike.test(user) ? [own, `set ${user} 0 0 ${secret.length}\r\n${secret}\r\n`] : [own]
}

const latin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')

function isFrom(version: Numbers, first: Numbers): boolean {
  for (const [at, number] of version.entries()) if (number !== first[at]) return number > (first[at] as number)
  return true
}
