import ts from 'typescript'

export interface PublicName {
  readonly name: string
  /** Erased when compiled: importing it at run time gives nothing. */
  readonly isType: boolean
  /** Has a doc comment of its own. */
  readonly isDocumented: boolean
}

/** The exported names of some entry files, in order, by file. */
export function publicNames(
  files: readonly string[],
  options: ts.CompilerOptions,
): ReadonlyMap<string, readonly PublicName[]> {
  const program = ts.createProgram([...files], options)
  const checker = program.getTypeChecker()
  return new Map(files.map((file) => [file, namesOf(program, checker, file)]))
}

function namesOf(program: ts.Program, checker: ts.TypeChecker, file: string): readonly PublicName[] {
  const source = program.getSourceFile(file)
  const module = source && checker.getSymbolAtLocation(source)
  if (!module) throw new Error(`${file} is not a module`)
  return checker
    .getExportsOfModule(module)
    .map((symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol))
    .map((symbol) => ({
      name: symbol.name,
      isType: (symbol.flags & ts.SymbolFlags.Value) === 0,
      isDocumented: symbol.getDocumentationComment(checker).length > 0,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** The options of this project, or of any other tsconfig file. */
export function readConfig(file: string): ts.ParsedCommandLine {
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => {} }
  const config = ts.getParsedCommandLineOfConfigFile(file, {}, host)
  if (!config) throw new Error(`${file} cannot be read`)
  return config
}
