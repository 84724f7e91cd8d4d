/** Statuses as a golden prints them: what is not as it should be, and what the object's own fields say. */
import { describeRef } from '../kube/object.ts';
import { type ObjectStatus, statuses } from '../reconcilers/statuses.ts';
import { statusWorld } from '../reconcilers/world.ts';
import type { Finding } from '../status/finding.ts';
import type { Compiled, JsonObject } from './compile.ts';

/** `found` is what reading the manifests found. */
export function shownStatus({ snapshot, resolution }: Compiled, found: readonly Finding[]): object {
  const findings = [...found, ...resolution.findings];
  const all = statuses(snapshot, statusWorld(resolution, findings));
  const warnings = findings.filter(({ severity }) => severity === 'warning').map(sentence);
  return {
    ...Object.fromEntries(all.map((one) => [describeRef(one.ref), shortStatus(one)])),
    ...(warnings.length === 0 ? {} : { warnings: warnings.toSorted() }),
  };
}

function sentence({ about, at, message, remedy }: Finding): string {
  return `${describeRef(about)} ${at}: ${message}. ${remedy}.`;
}

function shortStatus({ status }: ObjectStatus): object {
  const { observedGeneration: _, conditions, parents, listeners, ...own } = status as unknown as JsonObject;
  return {
    ...own,
    conditions: shortConditions(conditions),
    ...badParts('parents', parents),
    ...badParts('listeners', listeners),
  };
}

/** Of parents and listeners only those with a condition that is not true; the object's own conditions say why. */
function badParts(name: string, all: unknown): object {
  const bad = ((all ?? []) as readonly JsonObject[]).flatMap(({ conditions, ...part }) => {
    const reasons = Object.entries(shortConditions(conditions)).flatMap(([type, value]) =>
      Array.isArray(value) ? [[type, value[0]]] : value === 'True' ? [] : [[type, value]],
    );
    return reasons.length === 0 ? [] : [{ ...part, ...Object.fromEntries(reasons) }];
  });
  return bad.length === 0 ? {} : { [name]: bad };
}

/** Nothing is delivered in a golden, so Programmed says nothing; Ready and Stalled repeat what the others say. */
const untold = ['Programmed', 'Reconciling', 'Stalled'];

function shortConditions(conditions: unknown): object {
  const all = conditions as readonly {
    readonly type: string;
    readonly status: string;
    readonly reason: string;
    readonly message: string;
  }[];
  const told = all.filter(({ type }) => !untold.includes(type));
  const others = new Set(told.filter(({ type }) => type !== 'Ready').flatMap(({ message }) => message.split('\n')));
  return Object.fromEntries(
    told.flatMap(({ type, status, reason, message }) => {
      if (status === 'True') return [[type, 'True']];
      if (status === 'Unknown') return [];
      const lines = message.split('\n').filter((line) => type !== 'Ready' || !others.has(line));
      return [[type, lines.length === 0 ? reason : [reason, ...lines]]];
    }),
  );
}
