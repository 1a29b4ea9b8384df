import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root, run } from './support/command.ts'
import { manifest } from './support/manifest.ts'

const lock = readFileSync(join(root, 'package-lock.json'), 'utf8')
const { packages } = JSON.parse(lock)

test('the lockfile names no registry, so that it installs from any', () => {
  expect(lock).not.toContain('"resolved"')
  const lines = readFileSync(join(root, '.npmrc'), 'utf8').split('\n')
  expect(lines).toContain('omit-lockfile-registry-resolved=true')
})

test('every locked package has an integrity hash', () => {
  const unhashed = Object.entries<{ integrity?: string }>(packages).filter(
    ([path, { integrity }]) => path && !integrity,
  )
  expect(unhashed).toEqual([])
})

test('the lockfile is complete', async () => {
  const { code, output } = await run('npm', ['ci', '--dry-run', '--no-audit', '--no-fund'])
  expect(output).not.toContain('Missing:')
  expect([code, output]).toEqual([0, output])
})

test('jose is the only dependency, every peer is optional, development versions are exact', () => {
  expect(manifest.dependencies).toEqual({ jose: expect.stringMatching(/^\^6\./) })
  expect(manifest.optionalDependencies).toBeUndefined()
  const peers = ['@hono/node-server', '@opentelemetry/api', '@upstash/redis', 'hono', 'memjs']
  expect(Object.keys(manifest.peerDependencies)).toEqual(peers)
  const optional = { optional: true }
  expect(manifest.peerDependenciesMeta).toEqual({
    '@hono/node-server': optional,
    '@opentelemetry/api': optional,
    '@upstash/redis': optional,
    hono: optional,
    memjs: optional,
  })
  expect(Object.values(manifest.devDependencies).filter((range) => !/^\d+\.\d+\.\d+$/.test(range))).toEqual([])
})

test('the ranges of hono and its server admit apps that are there already (F34)', () => {
  const { hono, '@hono/node-server': server } = manifest.peerDependencies
  expect([hono, server]).toEqual(['^4.2.0', '^1.0.0 || ^2.0.0'])
})

test('no known vulnerability in what is installed with the package', async ({ skip }) => {
  const { code, stdout } = await run('npm', ['audit', '--omit=dev', '--json'])
  const report = JSON.parse(stdout || '{}')
  if (report.metadata === undefined) {
    const reason = `SKIPPED: npm audit: this registry serves no audits (${report.message ?? 'no answer'})`
    console.warn(reason)
    skip(reason)
  }
  expect([code, Object.keys(report.vulnerabilities)]).toEqual([0, []])
})
