/** Whether an object is as it was applied, whatever the API server and others have added to it. */
import { createHash } from 'node:crypto';
import type { KubeObject } from '../kube/object.ts';

/** On every object that we apply: a hash of what was applied, which also tells of what is wanted no more. */
export const contentAnnotation = 'evengate.dev/content';

/** The object with its hash on it. */
export function marked(object: KubeObject): KubeObject {
  const hash = createHash('sha256').update(JSON.stringify(object)).digest('hex').slice(0, 16);
  const annotations = { ...object.metadata.annotations, [contentAnnotation]: hash };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

/** `desired` is marked. */
export function isApplied(desired: KubeObject, live: KubeObject): boolean {
  return holds(desired, live, '');
}

/** Maps that one manager owns as a whole (`x-kubernetes-map-type: atomic`): what another one adds makes them say something else. */
const atomic: ReadonlySet<string> = new Set([
  'selector',
  'podSelector',
  'namespaceSelector',
  'matchLabels',
  'nodeSelector',
]);

/** Everything that `desired` says is said by `live`. Lists are compared in order. */
function holds(desired: unknown, live: unknown, field: string): boolean {
  if (Array.isArray(desired)) {
    if (desired.length === 0) return live === undefined || (Array.isArray(live) && live.length === 0);
    return (
      Array.isArray(live) &&
      live.length === desired.length &&
      desired.every((item, index) => holds(item, live[index], field))
    );
  }
  if (isRecord(desired)) {
    const entries = Object.entries(desired).filter(([, value]) => value !== undefined);
    if (!isRecord(live)) return live === undefined && entries.length === 0;
    if (atomic.has(field) && Object.keys(live).length !== entries.length) return false;
    return entries.every(([name, value]) => holds(value, live[name], isQuantity(field, name) ? 'quantity' : name));
  }
  if (desired === live || isNothing(desired, live)) return true;
  return field === 'quantity' && quantity(desired) !== undefined && quantity(desired) === quantity(live);
}

/** Fields that Go leaves out where they are the zero value. */
function isNothing(desired: unknown, live: unknown): boolean {
  return live === undefined && (desired === '' || desired === false || desired === null);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** core/v1 ResourceRequirements: the API server writes quantities in its own way, `0.5` as `500m`. */
function isQuantity(parent: string, name: string): boolean {
  return parent === 'limits' || parent === 'requests' || name === 'sizeLimit';
}

const factors: Readonly<Record<string, number>> = {
  '': 1,
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** apimachinery's resource.Quantity as a number, to nine digits. */
function quantity(value: unknown): string | undefined {
  const [, digits, suffix = ''] = /^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([A-Za-z]*)$/.exec(String(value)) ?? [];
  const factor = factors[suffix];
  return digits === undefined || factor === undefined ? undefined : (Number(digits) * factor).toPrecision(9);
}
