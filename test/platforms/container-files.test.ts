import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

/** No container engine runs in the tests: what can be held is that the files and the code speak of the same things. */
const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const all = (text: string, pattern: RegExp) => [
  ...new Set([...text.matchAll(pattern)].map(([, found]) => found as string)),
]
const only = (text: string, pattern: RegExp) => all(text, pattern).join()

const dockerfile = read('examples/container/Dockerfile')
const compose = read('examples/container/compose.yaml')
const kubernetes = read('examples/container/kubernetes.yaml')
const config = read('adapters/platforms/container/config.ts')
const known = all(config + read('adapters/platforms/env.ts'), /'([A-Z][A-Z_]+)'/g)
const numberOf = (name: string) => Number(only(kubernetes, new RegExp(`name: ${name}, value: "(\\d+)"`, 'g')))

test('every variable that is set is one that the code reads', () => {
  const set = [...all(compose, /^ {6}([A-Z][A-Z_]+):/gm), ...all(kubernetes, /name: ([A-Z][A-Z_]+)\b/g)]
  expect(set.toSorted()).toEqual(expect.arrayContaining(['DRAIN_SECONDS', 'MEMCACHED_SERVERS', 'SESSION_SECRET']))
  expect(set.filter((name) => !known.includes(name))).toEqual([])
})

test('the port is the default everywhere', () => {
  const port = only(config, /port: (\d+),/g)
  expect(only(dockerfile, /^EXPOSE (\d+)$/gm)).toBe(port)
  expect(only(dockerfile, /process\.env\.PORT \|\| (\d+)/g)).toBe(port)
  expect(only(compose, /"127\.0\.0\.1:\d+:(\d+)"/g)).toBe(port)
  expect(only(kubernetes, /name: http, containerPort: (\d+)/g)).toBe(port)
  expect(`${numberOf('PORT')}`).toBe(port)
})

test('probes ask the paths that answer', () => {
  const paths = all(read('adapters/platforms/container/probes.ts'), /pathname === '(\/\w+)'/g)
  expect(paths.filter((path) => path !== '/metrics')).toEqual(['/livez', '/readyz'])
  expect(all(kubernetes, /httpGet: \{ path: (\S+), port: http \}/g)).toEqual(['/readyz', '/livez'])
  expect(dockerfile).toMatch(/HEALTHCHECK [\s\S]+\/livez/)
})

test('an orchestrator waits longer than a stop takes', () => {
  const defaults = ['drainSeconds', 'stopSeconds'].map((name) =>
    Number(only(config, new RegExp(`${name}: (\\d+)[, ]`, 'g'))),
  )
  const seconds = (numbers: readonly number[]) => numbers.reduce((sum, one) => sum + one, 1)
  expect(Number(only(compose, /stop_grace_period: (\d+)s/g))).toBeGreaterThanOrEqual(seconds(defaults))
  const kept = Number(only(kubernetes, /terminationGracePeriodSeconds: (\d+)/g))
  expect(kept).toBeGreaterThanOrEqual(seconds([numberOf('DRAIN_SECONDS'), numberOf('STOP_SECONDS')]))
  expect(numberOf('DRAIN_SECONDS')).toBeGreaterThan(0)
})

test('a probe waits longer than the store is given', () => {
  const deadline = Number(only(read('adapters/platforms/container/probes.ts'), /deadlineMs = (\d+)/g)) / 1000
  for (const seconds of all(kubernetes, /timeoutSeconds: (\d+)/g)) expect(Number(seconds)).toBeGreaterThan(deadline)
})

test('the servers that the application is told of are those that are started', () => {
  const told = only(compose, /MEMCACHED_SERVERS: (\S+)/g).split(',')
  const started = all(compose, /^ {2}(memcached-\d):/gm)
  expect(told).toEqual(started.map((name) => `${name}:11211`))
  const [record, service] = /srv:_(\w+)\._tcp\.(\w+)\.default\.svc/.exec(kubernetes)?.slice(1) ?? []
  expect(kubernetes).toMatch(new RegExp(`clusterIP: None[\\s\\S]+name: ${record}, port: 11211`))
  expect(only(kubernetes, /serviceName: (\S+)/g)).toBe(service)
  expect(kubernetes).toContain(`\n  name: ${service}\nspec:\n  clusterIP: None`)
})

test('memcached speaks no UDP and is published nowhere', () => {
  for (const [text, servers] of [
    [compose, 1],
    [kubernetes, 1],
  ] as const) {
    const commands = [...text.matchAll(/\["memcached", (.+)\]/g)].map(([, flags]) => flags)
    expect(commands).toHaveLength(servers)
    for (const flags of commands) expect(flags).toMatch(/"-m", "\d+", "-U", "0"/)
  }
  expect(all(compose, /- "([\d.]+):\d+:\d+"/g)).toEqual(['127.0.0.1'])
  expect(compose).toMatch(/sessions:\n {4}internal: true/)
})

test('nothing runs as root, and no secret is in a file', () => {
  expect(dockerfile.split(/^FROM /m).at(-1)).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m)
  expect(kubernetes.match(/runAsNonRoot: true/g)).toHaveLength(2)
  expect(dockerfile).not.toMatch(/SECRET|TOKEN|PASSWORD|ARG /)
  expect(compose).toMatch(/SESSION_SECRET: \$\{SESSION_SECRET:\?/)
  expect(kubernetes).toMatch(/name: SESSION_SECRET\n\s+valueFrom:\n\s+secretKeyRef:/)
  expect(kubernetes).not.toMatch(/kind: Secret/)
})

test('Node is the release that the tests run on', () => {
  const tested = JSON.parse(read('package.json')).devDependencies.node
  expect(all(dockerfile, /^FROM node:(\d+)-slim/gm)).toEqual([tested.split('.')[0]])
})
