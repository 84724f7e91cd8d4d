/** ResourceList (config.kubernetes.io/v1), what kustomize and kpt hand to a function and take back. */
import { type Document, isMap, parseDocument, stringify } from 'yaml';
import { z } from 'zod';

/** Of https://github.com/kubernetes-sigs/kustomize/blob/master/cmd/config/docs/api-conventions/functions-spec.md */
export interface FunctionResult {
  readonly message: string;
  readonly severity: 'error' | 'warning' | 'info';
  readonly resourceRef?: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly name: string;
    readonly namespace?: string;
  };
  readonly field?: { readonly path: string };
  readonly file?: { readonly path: string; readonly index?: number };
  readonly tags?: Readonly<Record<string, string>>;
}

export interface ResourceList {
  readonly items: readonly unknown[];
  readonly functionConfig: unknown;
  /** The text as it came, but for `results`. */
  withResults(results: readonly FunctionResult[]): string;
}

const shape = z.object({
  apiVersion: z.enum(['config.kubernetes.io/v1', 'config.kubernetes.io/v1beta1']),
  kind: z.literal('ResourceList'),
  items: z.array(z.unknown()).nullish(),
  functionConfig: z.unknown().optional(),
});

/** Its message is one sentence without a full stop. */
export class UnusableInput extends Error {}

const remedy = 'let kustomize or kpt call this, or use evengate lint -f -';

/** Throws UnusableInput when it is none. */
export function readResourceList(text: string): ResourceList {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error !== undefined)
    throw new UnusableInput(`stdin cannot be read as one YAML document (${error.code}); ${remedy}`);
  const read = shape.safeParse(document.toJS());
  if (!read.success) throw new UnusableInput(`stdin is no ResourceList of config.kubernetes.io/v1; ${remedy}`);
  const { items, functionConfig } = read.data;
  return {
    items: items ?? [],
    functionConfig: functionConfig ?? undefined,
    withResults: (results) => withResults(text, document, results),
  };
}

function withResults(text: string, document: Document.Parsed, results: readonly FunctionResult[]): string {
  const { contents } = document;
  const before = document.has('results');
  if (!before && results.length === 0) return text;
  // What is below a block map's last line belongs to it, so nothing of the text has to be written anew.
  const appendable = isMap(contents) && contents.flow !== true && !/^\.\.\.(\s|$)/m.test(text);
  if (appendable && !before) return `${text.replace(/\n?$/, '\n')}${stringify({ results }, { lineWidth: 0 })}`;
  if (results.length === 0) document.delete('results');
  else document.set('results', document.createNode(results));
  return document.toString({ lineWidth: 0 });
}
