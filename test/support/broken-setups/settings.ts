import { startServer } from '../servers.ts'
import { type BrokenSetup, of, started } from './setup.ts'

/** Servers that were started in a way that does not suit sessions. */
export const settings: readonly BrokenSetup[] = [
  started('-C', 'no-cas', 'error', '-C'),
  started('-M', 'no-evictions', 'warning', '-M'),
  started('-I 32k', 'item-limit', 'warning', '-I', '32k', '-o', 'slab_chunk_max=16384'),
  started('-n 4096', 'large-chunks', 'warning', '-n', '4096'),
  {
    ...{ mistake: '-U', code: 'udp-open', level: 'warning' },
    set: async ({ use }) => {
      const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
      const command = (port: number) => ['memcached', ...user, '-l', '127.0.0.1', '-p', `${port}`, '-U', `${port}`]
      return of(use(await startServer(command)))
    },
  },
  started('-A', 'shutdown-command', 'warning', '-A'),
  started('-vv', 'verbose', 'warning', '-vv'),
  started('no crawler', 'no-crawler', 'warning', '-o', 'no_lru_crawler'),
]
