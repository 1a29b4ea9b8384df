import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { binaryDriver } from '../../adapters/stores/memcached/client/binary/driver.ts'
import { textDriver } from '../../adapters/stores/memcached/client/text/driver.ts'
import { memcachedBattery } from '../support/memcached-battery.ts'

const directory = mkdtempSync(join(tmpdir(), 'battery-'))
chmodSync(directory, 0o755)
writeFileSync(join(directory, 'users'), 'bob:hunter2\n', { mode: 0o644 })
afterAll(() => rmSync(directory, { recursive: true }))

const text = { retriesReads: true, cuts: [1, 23, 24, 25, 100, 600], loginArgs: ['-Y', join(directory, 'users')] }

memcachedBattery('meta', (address, options) => textDriver(address, { ...options, protocol: 'meta' }), text)
memcachedBattery('classic', (address, options) => textDriver(address, { ...options, protocol: 'classic' }), text)
// memjs is thrown away at the first fault, and a read with it; sign-in is SASL and has tests of its own.
memcachedBattery('binary', binaryDriver, { ...text, retriesReads: false, loginArgs: undefined })
