import { need, refuseUnknown } from '../checks.ts'
import { SessionUseError } from '../errors.ts'
import type { DestroyOptions } from '../session.ts'
import type { RequestState } from './state.ts'

/** The directives of the standard (W3C Clear Site Data section 3.1) and of browsers. */
const known = [
  'cache',
  'cookies',
  'storage',
  'executionContexts',
  'clientHints',
  'prefetchCache',
  'prerenderCache',
  '*',
]

/** The value of the header that a logout asks for, by this call or one before; undefined where it asks for none. */
export function clearSiteDataIn(state: RequestState, options: DestroyOptions): string | undefined {
  refuseUnknown(options, ['clearSiteData'], 'option of destroy:')
  const { clearSiteData } = options
  if (clearSiteData === undefined) return state.clearSiteData
  const isList = Array.isArray(clearSiteData) && clearSiteData.length > 0
  const isKnown = isList && clearSiteData.every((one) => known.includes(one))
  need(isKnown, `clearSiteData must be a list of ${known.join(', ')}`)
  if (state.isReopened) throw new SessionUseError('a reopened session has no response that could clear site data')
  return clearSiteData.map((one) => `"${one}"`).join(', ')
}
