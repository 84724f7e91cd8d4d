/** CEL mistakes that show without a CEL compiler. The API server compiles every rule; this catches the usual slips early. */
import type { JsonSchema } from './json-schema.ts';

/** Escaped as `__name__` in field selections (Kubernetes CEL, "Escaping"). */
const reserved = new Set(
  (
    'true false null in as break const continue else for function if import let loop package namespace ' + 'return'
  ).split(' '),
);
const maxRuleMessage = 2048;

export function* celProblems(node: JsonSchema, path: string): Generator<string> {
  for (const [index, { rule, message }] of (node['x-kubernetes-validations'] ?? []).entries()) {
    const at = `${path === '' ? '' : `${path}.`}x-kubernetes-validations[${index}]`;
    if (rule.trim() === '') yield `${at}.rule: Required value: rule is not specified`;
    if (/[\r\n]/.test(rule) && message === '') {
      yield `${at}.message: Required value: message must be specified if rule contains line breaks`;
    }
    if (message.trim() === '') yield `${at}.message: Required value: a user sees nothing else`;
    if (/[\r\n]/.test(message)) yield `${at}.message: Invalid value: message must not contain line breaks`;
    if (message.length > maxRuleMessage) yield `${at}.message: Too long: may not be more than 2048 bytes`;
    for (const problem of new Set(selectionProblems(rule, node))) yield `${at}.rule: ${problem}`;
  }
}

/** Fields selected from `self`: they must exist, be escaped, and be guarded by has() when they may be absent. */
function* selectionProblems(rule: string, node: JsonSchema): Generator<string> {
  if (node.type !== 'object' || node.properties === undefined) return;
  const code = rule.replace(/'(\\.|[^'\\])*'|"(\\.|[^"\\])*"/g, "''");
  for (const [, name = '', call] of code.matchAll(/\bself\.([A-Za-z_]\w*)(\s*\()?/g)) {
    if (call !== undefined) continue;
    const field = unescapeName(name);
    if (reserved.has(name)) yield `"${name}" is a reserved word of CEL; select it as self.__${name}__`;
    else if (node.properties[field] === undefined) yield `undefined field '${field}'`;
    else if (!isPresent(node, field) && !code.includes(`has(self.${name})`) && !code.includes(`self.?${name}`)) {
      yield `no such key: ${field} is optional, guard it with has(self.${name})`;
    }
  }
}

function isPresent(node: JsonSchema, field: string): boolean {
  return node.required?.includes(field) === true || node.properties?.[field]?.default !== undefined;
}

function unescapeName(name: string): string {
  const word = /^__([a-z]+)__$/.exec(name)?.[1];
  if (word !== undefined && reserved.has(word)) return word;
  return name
    .replaceAll('__dash__', '-')
    .replaceAll('__dot__', '.')
    .replaceAll('__slash__', '/')
    .replaceAll('__underscores__', '__');
}

/** One level down: `self.all(x, …)` over a list of objects, with the same three slips. */
export function* childRuleProblems(node: JsonSchema, path: string): Generator<string> {
  const items = node.items;
  if (items?.type !== 'object' || items.properties === undefined) return;
  for (const [index, { rule }] of (node['x-kubernetes-validations'] ?? []).entries()) {
    for (const [, name = ''] of rule.matchAll(/\bself\.(?:all|exists|exists_one|filter|map)\(\s*([A-Za-z_]\w*)\s*,/g)) {
      const renamed = rule.replace(new RegExp(`\\b${name}\\.`, 'g'), 'self.').replaceAll(`has(${name}.`, 'has(self.');
      for (const problem of new Set(
        selectionProblems(renamed.replace(/\bself\.(all|exists|exists_one|filter|map)\(/g, '('), items),
      )) {
        yield `${path}.x-kubernetes-validations[${index}].rule: ${problem}`;
      }
    }
  }
}
