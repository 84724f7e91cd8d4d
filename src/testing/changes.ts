/** Worlds that change, object by object: for what has to be the same from scratch and step by step. */
import fc from 'fast-check';
import { type KubeObject, objectKey } from '../kube/object.ts';
import { isWatchedKind, type Snapshot } from '../kube/snapshot.ts';
import type { Forms } from './universe.ts';

/** A change of one object: a form of it (a fresh copy, as a watch delivers it), or its end. */
export interface Step {
  readonly forms: Forms;
  readonly form: KubeObject | undefined;
}

export function stepIn(universe: readonly Forms[]): fc.Arbitrary<Step> {
  return fc
    .constantFrom(...universe)
    .chain((forms) =>
      fc
        .option(fc.constantFrom(...forms), { nil: undefined, freq: 3 })
        .map((form) => ({ forms, form: form === undefined ? undefined : { ...form } })),
    );
}

/** Every untouched collection and object keeps its identity. */
export function changedBy(snapshot: Snapshot, { forms: [first], form }: Step): Snapshot {
  const { kind } = first;
  if (!isWatchedKind(kind)) throw new Error(kind);
  const next = new Map<string, KubeObject>(snapshot[kind]);
  next.delete(objectKey(first));
  if (form !== undefined) next.set(objectKey(form), form);
  return { ...snapshot, [kind]: next };
}
