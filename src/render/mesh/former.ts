/** Pods that a workload selected before its Service's selector changed: their objects, under a name of their own. */
import { shortHash } from '../../ir/child-name.ts';
import type { SecurityObject } from '../../istio/security.ts';
import type { Labels } from '../../kube/pods.ts';
import { objectName, workloadLabel, workloadLabels } from './names.ts';

const mark = '.former-';

/** What a label holds, less the mark and its hash. */
const longestStart = 63 - mark.length - 8;

/** `orders.former-1a2b3c4d`: in place of a Service's name, and never one, for that holds no dot. */
export function formerName(service: string, selector: Labels): string {
  const hash = shortHash(`${service} ${selectorText(selector)}`, 8);
  return `${service.slice(0, longestStart).replace(/[-.]+$/, '')}${mark}${hash}`;
}

export function isFormer(name: string): boolean {
  return name.includes(mark);
}

/** The same for labels in whatever order. */
export function selectorText(selector: Labels): string {
  return JSON.stringify(Object.entries(selector).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

export interface Former {
  /** As of a Service, or `formerName`. */
  readonly name: string;
  readonly selector: Labels;
  readonly annotations: Labels;
}

/** What is there for some Pods, or is to be, said of those of `former`. */
export function ofFormer<T extends SecurityObject>(object: T, former: Former, className: string): T {
  const { apiVersion, kind, metadata, spec } = object;
  const own = objectName(className, metadata.labels?.[workloadLabel] ?? '');
  return {
    apiVersion,
    kind,
    metadata: {
      name: `${objectName(className, former.name)}${metadata.name.slice(own.length)}`,
      ...(metadata.namespace && { namespace: metadata.namespace }),
      labels: workloadLabels(former.name, className),
      annotations: former.annotations,
    },
    spec: { ...spec, selector: { matchLabels: former.selector } },
  } as unknown as T;
}
