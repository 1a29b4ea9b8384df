import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Command, call } from './command.ts'

interface Tool {
  /** Any one of these, by name or by path, will do. */
  readonly commands: readonly string[]
  readonly debian: string
  readonly homebrew: string
}

const browser: Tool = {
  commands: [
    ...['chromium', 'chromium-browser', 'google-chrome'],
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
  ],
  debian: 'chromium',
  homebrew: '--cask google-chrome',
}
const required: readonly Tool[] = [
  { commands: ['memcached'], debian: 'memcached', homebrew: 'memcached' },
  { commands: ['redis-server'], debian: 'redis-server', homebrew: 'redis' },
  browser,
]
/** On Debian installed where that goes unasked; without them the tests that need them say that they are skipped. */
const optional: readonly Tool[] = [
  // Peers to compare with, and caches to stand behind.
  { commands: ['/usr/sbin/nginx'], debian: 'nginx-light', homebrew: 'nginx' },
  { commands: ['/usr/sbin/haproxy'], debian: 'haproxy', homebrew: 'haproxy' },
  { commands: ['/usr/sbin/varnishd'], debian: 'varnish', homebrew: 'varnish' },
  { commands: ['php'], debian: 'php-cli', homebrew: 'php' },
  // Makes the users of a memcached with SASL.
  { commands: ['/usr/sbin/saslpasswd2'], debian: 'sasl2-bin', homebrew: 'cyrus-sasl' },
  // No commands of their own: Debian's packages leave these folders.
  { commands: ['/usr/share/doc/php-memcached'], debian: 'php-memcached', homebrew: 'php' },
  { commands: ['/usr/share/doc/php-redis'], debian: 'php-redis', homebrew: 'php' },
  { commands: ['/usr/share/doc/php-igbinary'], debian: 'php-igbinary', homebrew: 'php' },
  { commands: ['/usr/share/doc/php-redis'], debian: 'php-redis', homebrew: 'php' },
  { commands: ['/usr/share/doc/python3-pylibmc'], debian: 'python3-pylibmc', homebrew: 'libmemcached' },
  { commands: ['/usr/share/doc/python3-cryptography'], debian: 'python3-cryptography', homebrew: 'cryptography' },
  // Turns the clock of a server.
  { commands: ['/usr/share/doc/libfaketime'], debian: 'libfaketime', homebrew: 'libfaketime' },
  // What AWS's runtime client is built with.
  { commands: ['cmake'], debian: 'cmake', homebrew: 'cmake' },
  { commands: ['make'], debian: 'make', homebrew: 'make' },
  { commands: ['g++'], debian: 'g++', homebrew: 'gcc' },
  { commands: ['python3'], debian: 'python3', homebrew: 'python3' },
]

/** Installs what is missing where that goes without asking anybody; else says what to install: the text, if anything is. */
export async function provideTools(): Promise<string | undefined> {
  const wanted = process.platform === 'linux' ? [...required, ...optional] : required
  const missing = wanted.filter((tool) => !isThere(tool))
  if (missing.length === 0) return undefined
  console.log(`missing: ${missing.map((tool) => tool.commands[0]).join(', ')}`)
  for (const command of installation(missing)) await call(command)
  const left = required.filter((tool) => !isThere(tool))
  if (left.length === 0) return undefined
  const debian = left.map((tool) => tool.debian).join(' ')
  const homebrew = left.map((tool) => `brew install ${tool.homebrew}`).join(' && ')
  return `install what the tests need, on Debian: apt-get install ${debian}; on macOS: ${homebrew}`
}

/** The commands that install the tools without asking anybody; none where that is not possible. */
function installation(missing: readonly Tool[]): readonly Command[] {
  if (process.platform === 'darwin' && isThere({ commands: ['brew'] }))
    // Homebrew has no package of Chromium that runs unasked: the message says how to get one.
    return missing.filter((tool) => tool !== browser).map((tool) => ['brew', 'install', tool.homebrew])
  if (!isThere({ commands: ['apt-get'] })) return []
  const isRoot = process.getuid?.() === 0
  if (!isRoot && spawnSync('sudo', ['-n', 'true']).status !== 0) return []
  const env = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get'] as const
  const apt: Command = isRoot ? env : ['sudo', '-n', ...env]
  const packages = missing.map((tool) => tool.debian)
  return [
    [...apt, 'update'],
    [...apt, 'install', '-y', '--no-install-recommends', ...packages],
  ]
}

function isThere({ commands }: Pick<Tool, 'commands'>): boolean {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return commands.some((command) =>
    command.startsWith('/') ? isExecutable(command) : folders.some((folder) => isExecutable(join(folder, command))),
  )
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
