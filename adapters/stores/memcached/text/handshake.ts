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
 * Signs in, then asks for the version. One question at a time: after a refused login 1.6.18 swallows whatever was sent behind
 * it with ONE answer, and every reply after that would be taken for another.
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
  #asked: 'nothing' | 'login' | 'version' = 'nothing'

  constructor(options: HandshakeOptions, say: (text: string) => void, onDone: (abilities: Abilities) => void) {
    this.#options = options
    this.#say = say
    this.#onDone = onDone
    this.#logins = loginsOf(options)
  }

  /** To be called when the socket is open. */
  start(): void {
    const login = this.#logins.shift()
    this.#asked = login === undefined ? 'version' : 'login'
    this.#say(login ?? 'version\r\n')
  }

  line(bytes: Buffer, start: number, end: number): number {
    const line = bytes.toString('latin1', start, end)
    if (this.#asked === 'version') this.#versioned(line)
    else if (this.#asked === 'login') this.#answered(line)
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
    const hasStats = isFrom(version, firstTouch)
    this.#onDone({ isMeta, hasGats: isMeta || isFrom(version, firstGats), hasStats })
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
