import type { TlsOptions } from '../../tls.ts'
import type { DriverOptions } from '../driver.ts'

/** What the text client takes beside {@link DriverOptions}; the caller has checked it. */
export interface TextOptions extends DriverOptions {
  /** `auto` (where left out): meta from memcached 1.6.13 on, classic before; a proxy is refused. See `Handshake`. */
  readonly protocol?: 'auto' | 'meta' | 'classic' | undefined
  readonly tls?: true | TlsOptions | undefined
}

/** The same with its default. */
export interface ConnectionOptions extends TextOptions {
  readonly protocol: 'auto' | 'meta' | 'classic'
}
