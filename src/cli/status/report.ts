/** A status as people and scripts read it. */
import type { Output, Style } from '../io.ts';
import type { StatusNode } from './tree.ts';

interface Row {
  readonly name: string;
  readonly node: StatusNode;
  /** Of the lines below it. */
  readonly margin: string;
}

const styles: Readonly<Record<StatusNode['ready'], Style>> = { True: 'green', False: 'red', Unknown: 'yellow' };

/** One long name must not push every other line off the screen. */
const widest = 60;

/** Columns NAME, READY and ABOUT; what stands in the way is below each name. */
export function statusText(roots: readonly StatusNode[], output: Output): string {
  const rows = roots.flatMap((root) => rowsOf(root, '', ''));
  const width = rows.reduce(
    (most, { name }) => (name.length > widest ? most : Math.max(most, name.length)),
    'NAME'.length,
  );
  const head = output.style('dim', `${'NAME'.padEnd(width)}  READY    ABOUT`);
  const lines = rows.flatMap(({ name, node, margin }) => [
    `${name.padEnd(width)}  ${output.style(styles[node.ready], node.ready.padEnd(7))}  ${printable(node.about)}`.trimEnd(),
    ...node.troubles.map((trouble) => `${margin}${output.style(styles[node.ready], '!')} ${printable(trouble)}`),
  ]);
  return `${[head, ...lines].join('\n')}\n`;
}

function rowsOf(node: StatusNode, first: string, others: string): readonly Row[] {
  const { kind, name, children } = node;
  const below = children.flatMap((child, index) => {
    const isLast = index === children.length - 1;
    return rowsOf(child, `${others}${isLast ? '└─' : '├─'}`, `${others}${isLast ? '  ' : '│ '}`);
  });
  const margin = `${others}${children.length > 0 ? '│ ' : '  '}`;
  return [{ name: `${first}${printable(`${kind} ${name}`)}`, node, margin }, ...below];
}

/** Names and messages may hold any character: none may move the cursor or swap what is read. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}

/** `{ready, objects: [{kind, name, ready, about, troubles, children}], notes}` */
export function statusJson(roots: readonly StatusNode[], ready: boolean, notes: readonly string[]): string {
  return `${JSON.stringify({ ready, objects: roots, notes }, null, 2)}\n`;
}
