/** What a test hands to a command by `--options`, in the place of a user's module. */
const given = globalThis as { claimcheckOptions?: object }

/** The module's path, for the flag. */
export const optionsModule: string = import.meta.filename

export function giveOptions(options: object): void {
  given.claimcheckOptions = options
}

export const options = (): object | undefined => given.claimcheckOptions
