/** Places in a document's text. The text is parsed again when first asked: few objects are ever asked about. */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseDocument,
} from 'yaml';
import { yamlOptions } from './document.ts';

/** Line and column from 1, relative to the document's text. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export type Locator = (fieldPath: string) => Place;

interface Tree {
  readonly document: Document<ParsedNode, boolean>;
  readonly lines: LineCounter;
}

export function locatorOf(text: string): Locator {
  // Weak, or ten thousand findings would keep ten thousand syntax trees.
  let kept: WeakRef<Tree> | undefined;
  const tree = (): Tree => {
    const known = kept?.deref();
    if (known !== undefined) return known;
    const lines = new LineCounter();
    const made = { document: parseDocument(text, { ...yamlOptions, lineCounter: lines }), lines };
    kept = new WeakRef(made);
    return made;
  };
  return (fieldPath) => {
    const { document, lines } = tree();
    return placeAt(lines, offsetOfField(document, segmentsOf(fieldPath)));
  };
}

export function placeOf(text: string, offset: number): Place {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}

function placeAt(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

type Segment = string | number;

/** `a.b[0]` and `a["b.c"]`. */
function segmentsOf(fieldPath: string): Segment[] {
  const parts = fieldPath.matchAll(/\[(\d+)\]|\[(?:"([^"]*)"|'([^']*)')\]|([^.[\]]+)/g);
  return [...parts].map(([, index, double, single, name]) => {
    return index === undefined ? (double ?? single ?? name ?? '') : Number(index);
  });
}

function offsetOfField(document: Document<ParsedNode, boolean>, segments: readonly Segment[]): number {
  let node: unknown = document.contents;
  let offset = document.contents?.range[0] ?? 0;
  for (let at = 0; at < segments.length; ) {
    const holder: unknown = isAlias(node) ? node.resolve(document) : node;
    const step = childOf(holder, segments.slice(at));
    if (step === undefined) return offset;
    node = step.value;
    offset = step.at.range?.[0] ?? offset;
    at += step.used;
  }
  return offset;
}

interface Step {
  readonly value: unknown;
  readonly at: Node;
  readonly used: number;
}

function childOf(holder: unknown, segments: readonly Segment[]): Step | undefined {
  const first = segments[0];
  if (isSeq<Node>(holder)) {
    const item = typeof first === 'number' ? holder.items[first] : undefined;
    return item === undefined ? undefined : { value: item, at: item, used: 1 };
  }
  if (!isMap(holder)) return undefined;
  // Keys may hold dots (annotations), so names are joined until one fits.
  let name = '';
  for (const [index, segment] of segments.entries()) {
    name = index === 0 ? String(segment) : `${name}.${segment}`;
    const key = name;
    const pair = holder.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
    if (pair !== undefined && isScalar(pair.key)) return { value: pair.value, at: pair.key, used: index + 1 };
  }
  return undefined;
}
