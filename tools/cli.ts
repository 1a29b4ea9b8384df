#!/usr/bin/env node
import { lookup } from 'node:dns/promises'
import process from 'node:process'
import { run } from './run.ts'

const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort())

const code = await run(
  {
    env: process.env,
    input: process.stdin,
    output: process.stdout,
    errors: process.stderr,
    now: Date.now,
    lookup: (name) => lookup(name, { all: true }),
    signal: interrupted.signal,
  },
  process.argv.slice(2),
)
// Clients of the application's own, which its module has opened, would keep the process alive. Every line has been written by now.
process.exit(code)
