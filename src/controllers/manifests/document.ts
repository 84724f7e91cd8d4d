/** Reads one document's text, and finds where in it a field is written. */
import { LineCounter, type ParseOptions, parseDocument, type YAMLError } from 'yaml';
import { faultOfCode, type SyntaxFault } from './faults.ts';
import { inspectTree } from './inspect.ts';
import { declined, readSubset } from './subset.ts';

export type ReadDocument =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly fault: SyntaxFault };

/** Duplicate keys are found by `inspectTree`, as the package's own check takes quadratic time. */
export const yamlOptions = {
  version: '1.2',
  schema: 'core',
  // `<<` as kubectl reads it: a key that lint and the cluster understand differently could open a route.
  merge: true,
  uniqueKeys: false,
  prettyErrors: false,
  logLevel: 'error',
} as const satisfies ParseOptions & Record<string, unknown>;

const maxAliasCount = 100;

/** Both readers agree on every text that the fast one takes. */
export function readDocument(text: string): ReadDocument {
  const value = readSubset(text);
  return value === declined ? readWithPackage(text) : { ok: true, value };
}

/** YAML 1.2 core, of any form. Anchors that unfold without end, or more than 100-fold, are refused. */
export function readWithPackage(text: string): ReadDocument {
  try {
    const lines = new LineCounter();
    const document = parseDocument(text, { ...yamlOptions, lineCounter: lines });
    const error: YAMLError | undefined = document.errors[0];
    if (error !== undefined) return { ok: false, fault: faultOfCode(error.code, error.pos[0]) };
    const { fault, firstAlias } = inspectTree(document);
    if (fault !== undefined) return { ok: false, fault };
    return unfold(() => document.toJS({ maxAliasCount }), firstAlias);
  } catch (error) {
    // The package recurses: its stack ends before any sensible object would.
    if (error instanceof RangeError) return { ok: false, fault: faultOfCode('TOO_DEEP', 0) };
    throw error;
  }
}

function unfold(toJS: () => unknown, firstAlias: number | undefined): ReadDocument {
  try {
    return { ok: true, value: toJS() };
  } catch (error) {
    if (error instanceof ReferenceError) return { ok: false, fault: faultOfCode('ALIAS_BOMB', firstAlias ?? 0) };
    if (error instanceof RangeError) throw error;
    return { ok: false, fault: faultOfCode('BAD_MERGE', firstAlias ?? 0) };
  }
}
