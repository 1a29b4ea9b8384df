/** One contender in a process of its own: `node server.mjs <contender>[:variant] <options as JSON>`; tells what it used. */
const [name = '', json = '{}'] = process.argv.slice(2)
const [file, variant = ''] = name.split(':')
const { start } = await import(`./contenders/${file}.mjs`)
await start(variant, JSON.parse(json))
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.({ cpuUs: user + system, rssBytes: process.memoryUsage.rss() })
})
process.on('disconnect', () => process.exit())
process.send?.('ready')
