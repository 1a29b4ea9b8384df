import { BlockList, isIPv6 } from 'node:net'
import { type Finding, type Level, when } from '../finding.ts'
import type { FailureKind } from '../memcached/failure.ts'
import type { MemcachedFacts, NodeFacts } from './facts.ts'

type Words = readonly [code: string, what: string, why: string, todo: string]

const unavailable = 'Its sessions are answered with 503, and after giveUpSeconds they count as lost.'

const failures: Readonly<Record<FailureKind, Words>> = {
  refused: ['refused', 'Nobody listens there.', unavailable, 'Start the server, or correct host and port.'],
  unreachable: [
    ...(['unreachable', 'There is no way to it, or its name is not known.', unavailable] as const),
    'Look at the name (getent hosts), the network policy and the firewall between here and there.',
  ],
  silent: [
    ...(['silent', 'It takes connections and answers nothing.', unavailable] as const),
    'The process hangs or its machine is out of memory: restart it, and look at what it waited for.',
  ],
  closed: [
    ...(['hangs-up', 'It takes connections and hangs up.', unavailable] as const),
    'Look at its log, and at what stands before it: a firewall, or a balancer without servers behind it.',
  ],
  certificate: [
    ...([
      'tls-certificate',
      'Its certificate is out of date, of another name, or of an authority that is not trusted.',
    ] as const),
    unavailable,
    'Renew it, or name its authority in tls.ca and its name in tls.servername. The check cannot be switched off.',
  ],
  tls: [
    ...(['tls-failed', 'No TLS connection comes about.', unavailable] as const),
    'Look at its log for the reason: versions, ciphers, a client certificate that it wants (tls.cert and tls.key).',
  ],
  'login-wanted': [
    ...(['login-wanted', 'It wants a user name and a password, and is given none.', unavailable] as const),
    'Set username and password (MEMCACHED_USERNAME and MEMCACHED_PASSWORD).',
  ],
  'login-refused': [
    ...(['login-refused', 'It does not accept the user name and password.', unavailable] as const),
    'Compare them with the file that it was started with (-Y); it is read again at SIGHUP.',
  ],
  full: [
    ...([
      'connections-full',
      'It has no connection left.',
      'New processes cannot use it; a deployment stops half-way.',
    ] as const),
    'Raise -c. Each process needs one connection, in a rolling deployment two.',
  ],
  proxy: [
    ...(['proxy', 'A proxy answers, or a memcached older than 1.4.8.', unavailable] as const),
    "Name the servers behind it. protocol: 'classic' may work through a proxy, but versions then outlive a restart of the server.",
  ],
  'not-memcached': [
    ...(['not-memcached', 'What answers there is no memcached.', unavailable] as const),
    'Correct host and port: 11211 is memcached, 6379 redis.',
  ],
}

/** Whether each server can be reached, as it is meant to be and by nobody else. */
export function reachFindings({ nodes, servers }: MemcachedFacts, now: number): readonly Finding[] {
  const isGuarded = servers.entry.username !== undefined || servers.entry.tls !== undefined
  return nodes.flatMap((one) => [
    ...when(one.failure !== undefined, () => failed(one)),
    ...when(servers.entry.username !== undefined && one.letsStrangersIn, () => stranger(one)),
    ...publicAddress(one, isGuarded),
    ...names(one),
    ...certificate(one, now),
  ])
}

const otherwise: Readonly<Record<NonNullable<NodeFacts['answersTo']>, Words>> = {
  TLS: [
    ...(['tls-wanted', 'It speaks TLS, and is asked without.', unavailable] as const),
    'Set tls: true, or { ca } for an authority of your own.',
  ],
  'plain text': [
    ...(['tls-missing', 'TLS is asked for, and it speaks none.', unavailable] as const),
    'Start it with -Z, or leave tls out on a network of your own.',
  ],
  binary: [
    ...([
      'sasl-wanted',
      'It speaks the binary protocol only, as with SASL (-S), and is asked in text.',
      unavailable,
    ] as const),
    "Set protocol: 'binary', with the package memjs; or start it with -Y in the place of -S, which is quicker.",
  ],
}

/** A login that is wanted or refused was asked for in the right way. */
function failed({ node, failure, answersTo }: NodeFacts): Finding {
  const isUnderstood = failure === 'login-wanted' || failure === 'login-refused' || failure === 'full'
  const words = answersTo === undefined || isUnderstood ? failures[failure as FailureKind] : otherwise[answersTo]
  const [code, what, why, todo] = words
  return { code, level: 'error', node, what, why, todo }
}

const stranger = ({ node }: NodeFacts): Finding => ({
  ...({ code: 'open-to-strangers', level: 'error', node } as const),
  what: 'A password is sent to it, and whoever comes without one gets in all the same.',
  why: 'Whoever reaches the port can delete sessions and fill it up. They cannot read or forge them.',
  todo: 'Start it with -Y and a file of users, or -S; and bind it to a private address (-l).',
})

/** Private, shared, link-local and loopback (RFC 1918, 6598, 3927, 4193, 4291). */
const own = new BlockList()
for (const [net, bits] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['100.64.0.0', 10],
] as const)
  own.addSubnet(net, bits, 'ipv4')
for (const [net, bits] of [
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
] as const)
  own.addSubnet(net, bits, 'ipv6')

const isPublic = (address: string) => !own.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')

function publicAddress({ node, names, stats }: NodeFacts, isGuarded: boolean): readonly Finding[] {
  const level: Level = isGuarded ? 'note' : 'error'
  return when(names.some(({ address }) => isPublic(address)) && (stats.size > 0 || isGuarded), () => ({
    ...{ code: 'public-address', level, node },
    what: `Its address is a public one${isGuarded ? '' : ', and it asks for neither TLS nor a password'}.`,
    why: 'An open memcached on the internet is found within hours: it is emptied, filled up, and used in attacks on others.',
    todo: 'Bind it to a private address (-l), and close the port in the firewall.',
  }))
}

function names({ node, names, address }: NodeFacts): readonly Finding[] {
  const ofOneFamily = Math.max(...[4, 6].map((family) => names.filter((one) => one.family === family).length))
  return when(ofOneFamily > 1, () => ({
    ...({ code: 'name-of-several', level: 'warning', node } as const),
    what: `The name ${address.host} stands for ${ofOneFamily} addresses.`,
    why: 'Every connection may reach another of them, so a session is found by one process and missing for the next.',
    todo: 'Find them all: servers: dnsServers(name), or MEMCACHED_SERVERS=dns:name:port.',
  }))
}

const dayMs = 86_400_000
/** Most authorities renew a month before the end. */
const soonDays = 14

function certificate({ node, certificateEnds }: NodeFacts, now: number): readonly Finding[] {
  if (certificateEnds === undefined) return []
  const days = Math.floor((certificateEnds - now) / dayMs)
  return when(days < soonDays, () => ({
    ...({ code: 'tls-expiring', level: 'warning', node } as const),
    what: `Its certificate ends in ${days === 1 ? 'a day' : `${days} days`}.`,
    why: 'From then on no connection opens, and every session of this server is unavailable.',
    todo: 'Renew it, and let memcached read the new one: the command refresh_certs, or a restart.',
  }))
}
