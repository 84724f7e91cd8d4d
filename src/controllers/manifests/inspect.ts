/** One walk over a parsed document for what the `yaml` package checks slowly or not at all. Never recurses. */
import { type Document, isAlias, isCollection, isMap, isPair, isScalar, type Node, type ParsedNode } from 'yaml';
import { faultOfCode, type SyntaxFault } from './faults.ts';

/** Deeper than any Kubernetes object, shallow enough for every later stage to recurse. */
const maxDepth = 200;

interface Inspection {
  readonly fault?: SyntaxFault;
  readonly firstAlias?: number;
}

interface Frame {
  readonly children: readonly unknown[];
  next: number;
  readonly anchor: string | undefined;
}

export function inspectTree(document: Document<ParsedNode, boolean>): Inspection {
  const walk = new Walk();
  walk.enter([document.contents], undefined);
  let fault: SyntaxFault | undefined;
  while (fault === undefined && walk.stack.length > 0) fault = walk.step();
  return {
    ...(fault === undefined ? {} : { fault }),
    ...(walk.firstAlias === undefined ? {} : { firstAlias: walk.firstAlias }),
  };
}

class Walk {
  readonly stack: Frame[] = [];
  firstAlias: number | undefined;
  readonly #open = new Set<string>();
  readonly #seen = new Set<string>();

  enter(children: readonly unknown[], anchor: string | undefined): void {
    if (anchor !== undefined) this.#open.add(anchor);
    this.stack.push({ children, next: 0, anchor });
  }

  step(): SyntaxFault | undefined {
    const frame = this.stack.at(-1);
    if (frame === undefined) return undefined;
    if (frame.next === frame.children.length) {
      this.stack.pop();
      if (frame.anchor !== undefined) this.#open.delete(frame.anchor);
      return undefined;
    }
    const child = frame.children[frame.next++];
    return this.#visit(child);
  }

  #visit(node: unknown): SyntaxFault | undefined {
    if (isAlias(node)) {
      const offset = offsetOf(node);
      this.firstAlias ??= offset;
      if (this.#open.has(node.source)) return faultOfCode('ALIAS_CYCLE', offset);
      return this.#seen.has(node.source) ? undefined : faultOfCode('ALIAS_UNKNOWN', offset);
    }
    if (isPair(node)) {
      this.enter([node.key, node.value], undefined);
      return undefined;
    }
    const anchor = isScalar(node) || isCollection(node) ? node.anchor : undefined;
    if (anchor !== undefined) this.#seen.add(anchor);
    if (!isCollection(node)) return undefined;
    // A pair takes a frame of its own, so a level of maps takes two.
    if (this.stack.length > 2 * maxDepth) return faultOfCode('TOO_DEEP', offsetOf(node));
    const fault = isMap(node) ? duplicateKey(node.items) : undefined;
    this.enter(node.items, anchor);
    return fault;
  }
}

function duplicateKey(pairs: readonly { readonly key: unknown }[]): SyntaxFault | undefined {
  const keys = new Set<string>();
  for (const { key } of pairs) {
    // A merge key is a symbol, and may stand twice.
    if (!isScalar(key) || typeof key.value === 'symbol') continue;
    // By the name that it will have in the object: `1` and "1" are one key there.
    const name = key.value === null ? '' : `${key.value as string | number | boolean}`;
    if (keys.has(name)) return faultOfCode('DUPLICATE_KEY', offsetOf(key));
    keys.add(name);
  }
  return undefined;
}

function offsetOf(node: Node): number {
  return node.range?.[0] ?? 0;
}
