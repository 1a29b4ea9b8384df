import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Records by their keys, as hex; or a real server. */
export type InteropStore =
  | { readonly kind: 'map'; readonly values: Readonly<Record<string, string>> }
  | { readonly kind: 'memcached' | 'redis'; readonly host: string; readonly port: number }

/** One request, on the stores of its own or those of the job. */
export interface InteropCase {
  readonly header: string | null
  /** Seconds since 1970; the machine's clock where left out. */
  readonly now?: number
  readonly stores?: readonly InteropStore[]
}

/** A configuration and requests to it. */
export interface InteropJob {
  /** Hex. */
  readonly secrets: readonly string[]
  readonly namespace?: string
  readonly cookie?: string
  readonly stores?: readonly InteropStore[]
  readonly cases: readonly InteropCase[]
}

/** What a reader said of one request. */
export interface InteropAnswer {
  readonly status: string
  readonly data: unknown
  readonly created: number | null
  readonly until: number | null
  readonly authenticated: number | null
  readonly lifetime: string | null
  readonly revision: number | null
  readonly ref: string | null
  /** Whether a store was asked for anything. */
  readonly asked: boolean
}

/** A reader of another language. */
export interface Language {
  readonly name: string
  /** What to install where it does not run; undefined where it does. */
  readonly missing: string | undefined
  run(job: InteropJob): readonly InteropAnswer[]
  /** Runs the program of the documentation for one request, and gives the user that it finds. */
  runSample(request: SampleRequest): string
}

/** What the program takes for granted: a Cookie header, the secret, and its server, which is another one here. */
export interface SampleRequest {
  readonly header: string
  readonly secret: string
  readonly server: string
}

const folder = fileURLToPath(new URL('../../examples/interop', import.meta.url))

const python = `
import json, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import claimcheck
def opened(store):
    if store['kind'] == 'map': return lambda key: bytes.fromhex(store['values'][key]) if key in store['values'] else None
    if store['kind'] == 'memcached': return claimcheck.memcached('%s:%d' % (store['host'], store['port']), 20)
    return claimcheck.redis('redis://%s:%d' % (store['host'], store['port']), 20)
def secret_of(text):
    # Text where it is text.
    try: return bytes.fromhex(text).decode()
    except UnicodeDecodeError: return bytes.fromhex(text)
def answer(job, case):
    asked = []
    def watched(fetch):
        def ask(key):
            asked.append(key)
            return fetch(key)
        return ask
    stores = [watched(opened(store)) for store in case.get('stores', job.get('stores'))]
    options = {name: job[name] for name in ('namespace', 'cookie') if name in job}
    if 'now' in case: options['now'] = lambda: case['now']
    reader = claimcheck.Reader([secret_of(secret) for secret in job['secrets']], stores, **options)
    try: result = reader.read(case['header'])._asdict()
    except claimcheck.Unavailable: result = claimcheck.Session('unavailable')._asdict()
    return {**result, 'asked': len(asked) > 0}
job = json.load(sys.stdin)
print(json.dumps([answer(job, case) for case in job['cases']]))`

const php = `
error_reporting(E_ALL);
set_error_handler(function ($level, $text) { throw new ErrorException($text); });
require $argv[1] . '/claimcheck.php';
function opened($store) {
  if ($store['kind'] === 'map') return fn ($key) => isset($store['values'][$key]) ? hex2bin($store['values'][$key]) : null;
  if ($store['kind'] === 'memcached') return Claimcheck\\memcached($store['host'], $store['port'], 20000);
  return Claimcheck\\redis($store['host'], $store['port'], 20000);
}
function answer($job, $case) {
  $asked = false;
  $watched = function ($fetch) use (&$asked) {
    return function ($key) use ($fetch, &$asked) { $asked = true; return $fetch($key); };
  };
  $stores = array_map(fn ($store) => $watched(opened($store)), $case['stores'] ?? $job['stores']);
  $options = array_intersect_key($job, ['namespace' => 1, 'cookie' => 1]);
  if (isset($case['now'])) $options['now'] = fn () => $case['now'];
  $reader = new Claimcheck\\Reader(array_map('hex2bin', $job['secrets']), $stores, ...$options);
  try { $result = (array) $reader->read($case['header']); }
  catch (Claimcheck\\Unavailable) { $result = (array) new Claimcheck\\Session('unavailable'); }
  return [...$result, 'asked' => $asked];
}
$job = json_decode(stream_get_contents(STDIN), true);
echo json_encode(array_map(fn ($case) => answer($job, $case), $job['cases']), JSON_THROW_ON_ERROR);`

/** Debian's modules belong to Debian's interpreter, whatever else is first in the PATH. */
const pythonFile = ['/usr/bin/python3', 'python3'].find((file) => succeeds(file, '-c', 'import cryptography'))
const hasPhp = succeeds('php', '-r', 'exit(class_exists("Memcached") && class_exists("Redis") ? 0 : 1);')

export const languages: readonly Language[] = [
  {
    name: 'Python',
    missing: pythonFile === undefined ? 'apt-get install python3-cryptography' : undefined,
    run: (job) => run([pythonFile as string, '-c', python, folder], job),
    runSample({ header, secret, server }) {
      const code = sampleOf('python').replace(/'10\.0\.0\.\d:11211'/g, `'${server}'`)
      const request = 'class request: headers = {"Cookie": os.environ["COOKIE"]}'
      const env = { COOKIE: header, SESSION_SECRET: secret, PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: '1' }
      return output([pythonFile as string, '-c', `import os\n${request}\n${code}\nprint(user)`], { env })
    },
  },
  {
    name: 'PHP',
    missing: hasPhp ? undefined : 'apt-get install php-cli php-memcached php-redis',
    run: (job) => run(['php', '-r', php, '--', folder], job),
    runSample({ header, secret, server }) {
      const [host, port] = server.split(':')
      const code = sampleOf('php').replace("'10.0.0.1'", `'${host}', ${port}`)
      const before = `chdir(${JSON.stringify(folder)}); $_SERVER['HTTP_COOKIE'] = getenv('COOKIE');`
      const env = { COOKIE: header, SESSION_SECRET: secret }
      return output(['php', '-r', `${before}\n${code}\necho $user;`], { env })
    },
  },
]

function succeeds(file: string, ...args: readonly string[]): boolean {
  return spawnSync(file, args, { stdio: 'ignore' }).status === 0
}

const page = readFileSync(new URL('../../docs/interop.md', import.meta.url), 'utf8')
const sampleOf = (language: string) => page.split(`\`\`\`${language}\n`)[1]?.split('```')[0] ?? ''

function run(command: readonly [string, ...string[]], job: InteropJob): readonly InteropAnswer[] {
  return JSON.parse(output(command, { input: JSON.stringify(job) }))
}

function output(
  [file, ...args]: readonly [string, ...string[]],
  { input = '', env = {} }: { readonly input?: string; readonly env?: Readonly<Record<string, string>> },
): string {
  const options = { input, encoding: 'utf8', maxBuffer: 2 ** 28, env: { ...process.env, ...env } } as const
  const { status, stdout, stderr } = spawnSync(file, args, options)
  if (status !== 0) throw new Error(`${file} ended with ${status}: ${stderr || stdout}`)
  return stdout.trim()
}
