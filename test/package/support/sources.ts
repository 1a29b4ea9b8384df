import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { root } from './command.ts'

/** Texts by path, relative to the project, with `/`. */
export type Sources = ReadonlyMap<string, string>

export interface Import {
  /** As written; `undefined` where `import()` is given something other than a plain text. */
  readonly specifier: string | undefined
  /** Gone after compiling: it cannot be part of a cycle at run time. */
  readonly erased: boolean
}

/** Every TypeScript file below these folders. */
export function readSources(...folders: readonly string[]): Sources {
  const paths = folders.flatMap((folder) =>
    existsSync(join(root, folder))
      ? readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((path) => `${folder}/${path}`)
      : [],
  )
  const code = paths.map((path) => path.replaceAll('\\', '/')).filter((path) => /\.tsx?$/.test(path))
  return new Map(code.map((path) => [path, readFileSync(join(root, path), 'utf8')]))
}

/** Every import, export-from, `import()` of values and of types, and `require()` of one file. */
export function importsOf(path: string, text: string): readonly Import[] {
  const found: Import[] = []
  walk(parse(path, text), (node) => {
    const one = importOf(node)
    if (one) found.push(one)
  })
  return found
}

function importOf(node: ts.Node): Import | undefined {
  if (ts.isImportDeclaration(node))
    return {
      specifier: textOf(node.moduleSpecifier),
      erased: node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword,
    }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier)
    return { specifier: textOf(node.moduleSpecifier), erased: node.isTypeOnly }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
    return { specifier: textOf(node.argument.literal), erased: true }
  if (ts.isExternalModuleReference(node)) return { specifier: textOf(node.expression), erased: false }
  return ts.isCallExpression(node) && isLoading(node.expression)
    ? { specifier: textOf(node.arguments[0]), erased: false }
    : undefined
}

const isLoading = (callee: ts.Expression) =>
  callee.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(callee) && callee.text === 'require')

const textOf = (node: ts.Node | undefined) => (node && ts.isStringLiteralLike(node) ? node.text : undefined)

/** Names that are used as variables, and `a.b` for members of them; not the names of properties, not comments. */
export function namesUsedIn(path: string, text: string): ReadonlySet<string> {
  const names = new Set<string>()
  walk(parse(path, text), (node) => {
    if (ts.isIdentifier(node) && !isMemberName(node)) names.add(node.text)
    if (ts.isPropertyAccessExpression(node)) names.add(lastTwo(node))
  })
  return names
}

const isMemberName = (node: ts.Identifier) =>
  (ts.isPropertyAccessExpression(node.parent) && node.parent.name === node) ||
  ((ts.isPropertyAssignment(node.parent) || ts.isPropertySignature(node.parent)) && node.parent.name === node)

/** `process.env` also where it is written `globalThis.process.env`. */
function lastTwo({ expression, name }: ts.PropertyAccessExpression): string {
  const owner = ts.isPropertyAccessExpression(expression) ? expression.name : expression
  return `${ts.isIdentifier(owner) ? owner.text : '?'}.${name.text}`
}

const parse = (path: string, text: string) => ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)

function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node)
  ts.forEachChild(node, (child) => walk(child, visit))
}
