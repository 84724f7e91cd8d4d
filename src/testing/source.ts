/** Reads what a TypeScript file imports and which global things it touches, by parsing it: comments do not count. */
import { parseSync } from '@swc/core';

/** Something the rules care about, with its line (from 1). */
export interface Use {
  readonly line: number;
  /** An import's specifier (undefined when it is computed), or a path of names such as `process.env`. */
  readonly name: string | undefined;
}

export interface Source {
  /** Static, dynamic and type imports, and re-exports. */
  readonly imports: readonly Use[];
  /** `a.b` for each member access, `new A` for each construction, `A()` for each plain call. */
  readonly uses: readonly Use[];
  readonly lineCount: number;
}

type Node = { readonly type: string; readonly span?: { readonly start: number } } & Readonly<Record<string, unknown>>;

/** Throws when the text is no TypeScript. */
export function readSource(text: string): Source {
  const bytes = Buffer.from(text);
  const imports: Use[] = [];
  const uses: Use[] = [];
  // Spans count UTF-8 bytes, from 1.
  const lineAt = (start: number) =>
    bytes
      .subarray(0, start - 1)
      .toString()
      .split('\n').length;
  const visit = (value: unknown, start: number): void => {
    if (Array.isArray(value)) for (const item of value) visit(item, start);
    if (!isNode(value)) return;
    const here = value.span?.start ?? start;
    const specifier = specifierNode(value);
    if (specifier !== undefined) imports.push({ line: lineAt(here), name: literal(specifier) });
    const name = useName(value);
    if (name !== undefined) uses.push({ line: lineAt(here), name });
    for (const child of Object.values(value)) visit(child, here);
  };
  visit(parseSync(text, { syntax: 'typescript', target: 'es2024' }).body, 1);
  return { imports, uses, lineCount: text.replace(/\n$/, '').split('\n').length };
}

/** Some of swc's nodes (`{ spread, expression }`) have no type of their own; they are walked all the same. */
function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The node that says what is imported; null for a computed one or none at all, undefined when this imports nothing. */
function specifierNode(node: Node): unknown {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
      return node['source'];
    case 'ExportNamedDeclaration':
      return node['source'] ?? undefined; // `export { a }` has none
    case 'TsImportType':
      return node['argument'];
    case 'TsExternalModuleReference':
      return node['expression'];
    case 'CallExpression':
      return child(node, 'callee')?.type === 'Import' ? firstArgument(node) : undefined;
    default:
      return undefined;
  }
}

function firstArgument(call: Node): unknown {
  const [first] = call['arguments'] as readonly { readonly expression: unknown }[];
  return first?.expression ?? null;
}

function literal(specifier: unknown): string | undefined {
  if (!isNode(specifier)) return undefined;
  return specifier.type === 'StringLiteral' ? String(specifier['value']) : undefined;
}

function useName(node: Node): string | undefined {
  if (node.type === 'MemberExpression') {
    const object = lastName(child(node, 'object'));
    const property = lastName(child(node, 'property'));
    return object === undefined || property === undefined ? undefined : `${object}.${property}`;
  }
  const callee = node.type === 'NewExpression' || node.type === 'CallExpression' ? child(node, 'callee') : undefined;
  if (callee?.type !== 'Identifier') return undefined;
  const name = String(callee['value']);
  return node.type === 'NewExpression' ? `new ${name}` : `${name}()`;
}

/** `env` of `env`, `process.env`, `process?.env`, `process['env']`. */
function lastName(node: Node | undefined): string | undefined {
  if (node === undefined) return undefined;
  switch (node.type) {
    case 'Identifier':
    case 'StringLiteral':
      return String(node['value']);
    case 'MemberExpression':
      return lastName(child(node, 'property'));
    case 'OptionalChainingExpression':
      return lastName(child(node, 'base'));
    case 'Computed':
    case 'ParenthesisExpression':
      return lastName(child(node, 'expression'));
    default:
      return undefined;
  }
}

function child(node: Node, key: string): Node | undefined {
  const value = node[key];
  return isNode(value) ? value : undefined;
}
