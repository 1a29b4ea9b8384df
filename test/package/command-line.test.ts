import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { run } from './support/command.ts'
import { consumer } from './support/packed.ts'

/** As a user calls it in a project that has the package. */
const claimcheck = (...args: readonly string[]) => run(join(consumer, 'node_modules/.bin/claimcheck'), args, consumer)

describe('npx claimcheck, as it is installed', () => {
  test('has every command that the documents tell of', async () => {
    const { code, stdout } = await claimcheck('--help')
    expect([code, stdout.match(/^ {2}[a-z]+(?= )/gm)]).toEqual([
      0,
      ['keygen', 'doctor', 'inspect', 'watch'].map((name) => `  ${name}`),
    ])
  })

  test('makes a secret', async () => {
    const { code, stdout } = await claimcheck('keygen')
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^[\w-]{43}\n$/)])
  })

  test('looks at the options of a module, whose store is of the installed library', async () => {
    // Port 1 refuses at once: nobody listens there.
    const options = `import { memcachedStore } from 'claimcheck/memcached'
      export const options = { store: memcachedStore({ servers: ['127.0.0.1:1'] }), secret: 'dUbq3Vv0m7Xk2Zs9LwPf4RtYh8GcJ1nE6aKiOxWQ5lM' }`
    await writeFile(join(consumer, 'options.mjs'), options)
    const { code, stdout } = await claimcheck('doctor', '--json', '--cycles', '3', '--options', 'options.mjs')
    const { store, findings } = JSON.parse(stdout)
    expect([code, store, findings[0].code, findings[0].node]).toEqual([2, 'memcached', 'refused', '127.0.0.1:1'])
  })

  test('says in its own words that a module does not load', async () => {
    await writeFile(join(consumer, 'broken.mjs'), "throw new Error('CANARY')")
    const { code, output } = await claimcheck('doctor', '--options', 'broken.mjs')
    expect([code, output]).toEqual([2, expect.stringContaining('run it with node to see why')])
    expect(output).not.toContain('CANARY')
  })
})
