import { inject } from 'vitest'

const packed = inject('packed')
if ('error' in packed) throw new Error(packed.error)

/** The packed package, as it would be published. */
export const tarball: string = packed.tarball

/** An otherwise empty project with that package and its peers, at the oldest versions we admit, installed. */
export const consumer: string = packed.consumer
