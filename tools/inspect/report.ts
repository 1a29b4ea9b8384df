import type { Json } from '../../src/record/json.ts'
import type { SessionRecord } from '../../src/record/record.ts'
import type { Copy } from './copies.ts'
import type { Inspected, Verdict } from './inspected.ts'
import type { InspectedList } from './list.ts'

/** For scripts; its members are stable. Values only where they were asked for. */
export function inspectedAsJson(inspected: Inspected, values: boolean): string {
  const { claimed, copies, list, verdict, differ, record } = inspected
  const { claim, seen } = claimed
  const check = {
    ref: claim.identity.ref,
    revision: claim.revision,
    lastSeen: seen,
    until: claim.until,
    lifetime: claim.lifetime,
    /** Signed by a key that is not the first: it is sent anew with the next change. */
    outdated: claim.outdated === true,
  }
  return JSON.stringify(
    {
      verdict,
      copiesDiffer: differ,
      claimCheck: check,
      copies: copies.map(copyAsJson),
      list,
      ...dataOf(record, values),
    },
    null,
    2,
  )
}

const copyAsJson = ({ node, place, holds, bytes, ttlSeconds, end }: Copy) => ({
  ...{ node, place, holds: holds.status },
  ...('revision' in holds ? { revision: holds.revision } : {}),
  ...{ bytes, ttlSeconds, end },
})

function dataOf(record: SessionRecord | undefined, values: boolean) {
  if (record === undefined) return {}
  const { created, authenticated, until, lifetime, data } = record
  const keys = [...data].map(([name, value]) => ({ name, bytes: sizeOf(value), ...(values ? { value } : {}) }))
  return { session: { created, authenticated, until, lifetime, keys } }
}

const sizeOf = (value: Json) => Buffer.byteLength(JSON.stringify(value))

const verdicts: Readonly<Record<Verdict, string>> = {
  lives: 'It lives.',
  destroyed: 'It has ended: logged out.',
  regenerated: 'It has ended: it goes on under a new id, as after a login.',
  revoked: 'It has ended: revoked, or the oldest of too many. The list of its subject does not name it.',
  absolute: 'It has ended: its time was up, however active it was (absoluteSeconds).',
  idle: 'It is not there, and may have been unused for longer than its idle time.',
  evicted:
    'It, or the list of its subject, is not there, though its idle time has not passed: lost with a server, or thrown out for want of memory.',
  'rolled-back': 'What is there is older than what its browser has seen: it counts as lost.',
  corrupt: 'What is there does not open: altered, or not ours. It counts as lost.',
  'unknown-key': 'What is there was sealed under a secret, or by a release, that is not known here.',
  unavailable: 'Nobody can say: servers that may have it are away.',
}

/** For people. */
export function inspectedAsText(inspected: Inspected, values: boolean): string {
  const { claimed, copies, list, verdict, differ, record, now } = inspected
  const { claim, seen } = claimed
  return [
    `claim check  ref ${claim.identity.ref}, signed by ${claim.outdated ? 'an older key' : 'the first key'}`,
    `  issued at revision ${moment(claim.revision, now)}`,
    ...(seen === claim.revision ? [] : [`  its browser has seen ${moment(seen, now)}`]),
    `  ends ${moment(claim.until * 1000, now)}${claim.lifetime === undefined ? '' : `, lifetime ${claim.lifetime}`}`,
    ...copies.map((copy) => copyAsText(copy, now)),
    ...(list ? [`list         ${listAsText(list)}`] : []),
    ...(record ? recordAsText(record, values, now) : []),
    '',
    `${verdicts[verdict]}${differ ? ' The copies differ: its next read repairs that.' : ''}`,
  ].join('\n')
}

function listAsText({ status, isListed, sessions }: InspectedList): string {
  if (status !== 'there')
    return { nothing: 'is not there', down: 'DOWN', unknown: 'of an unknown secret or release' }[status]
  const of = `of ${sessions} session${sessions === 1 ? '' : 's'} of its subject`
  return `${isListed ? 'names it' : 'does not name it'}, ${of}`
}

function copyAsText({ node, place, holds, bytes, ttlSeconds, end }: Copy, now: number): string {
  const head = `${place.padEnd(11)}  ${node}  `
  if (!('revision' in holds))
    return (
      head +
      { nothing: 'nothing', down: 'DOWN', corrupt: 'does not open', unknown: 'of an unknown secret or release' }[
        holds.status
      ]
    )
  const left = ttlSeconds === undefined ? '' : `, ${ttlSeconds} s left`
  const what = end === undefined ? 'record' : `tombstone (${end})`
  return `${head}${what} of ${bytes} bytes, revision ${moment(holds.revision, now)}${left}`
}

function recordAsText({ created, authenticated, until, data }: SessionRecord, values: boolean, now: number) {
  const proven = authenticated === undefined ? '' : `, proven ${moment(authenticated * 1000, now)}`
  return [
    `session      began ${moment(created * 1000, now)}${proven}, ends ${moment(until * 1000, now)}`,
    ...[...data].map(
      ([name, value]) => `  ${printable(name)}  ${sizeOf(value)} bytes${values ? `  ${JSON.stringify(value)}` : ''}`,
    ),
  ]
}

/** A key may hold what would steer a terminal. */
const printable = (name: string) => JSON.stringify(name).slice(1, -1)

const moment = (ms: number, now: number) => `${new Date(ms).toISOString()} (${distance(Math.round((ms - now) / 1000))})`

function distance(seconds: number): string {
  const [size, unit] = [Math.abs(seconds), seconds < 0 ? 'ago' : 'from now']
  const [divisor, name] =
    size < 120 ? [1, 's'] : size < 7200 ? [60, 'min'] : size < 172_800 ? [3600, 'h'] : [86_400, 'days']
  return `${Math.floor(size / divisor)} ${name} ${unit}`
}
