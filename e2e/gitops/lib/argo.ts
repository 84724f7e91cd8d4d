/** Health for Argo CD: examples/gitops/argocd/resource_customizations, in the layout of Argo CD's own repository. */
import { stringify } from 'yaml';
import type { Reported } from '../../operator/lib/world.ts';
import type { Health } from './judge.ts';

export const argoFolder = 'examples/gitops/argocd';
export const customizations = `${argoFolder}/resource_customizations`;

/** The one script of every kind. */
export const scriptPath = `${argoFolder}/argocd-cm/health.lua`;

export const reportedKinds = ['ApiGateway', 'AuthPolicy', 'RateLimitPolicy', 'Route'] as const;

interface State {
  readonly name: string;
  readonly is: (object: Reported) => boolean;
  readonly health: (object: Reported) => Health;
  /** What a user does, without the operator, to what was recorded. */
  readonly next?: (object: Reported) => Reported;
}

const of = (object: Reported, type: string) => object.status?.conditions?.find((one) => one.type === type);
const has = (object: Reported, type: string, status: string) => of(object, type)?.status === status;
const isReady = (object: Reported) => has(object, 'Ready', 'True');
const isStalled = (object: Reported) => has(object, 'Stalled', 'True');
const isBlocked = (object: Reported) => has(object, 'Ready', 'False') && !isStalled(object);
const told = (object: Reported, type: string) => `${of(object, type)?.reason}: ${of(object, type)?.message}`;
const progressing = (message: string): Health => ({ status: 'Progressing', message });
const unseen = progressing('The operator has not reported on this generation yet');

/** Of each kind, one that was recorded so, where there is one: nothing that a RateLimitPolicy needs can be missing. */
export const states: readonly State[] = [
  {
    name: 'new',
    is: isReady,
    next: (object) => ({ ...object, status: { observedGeneration: -1 } }),
    health: () => unseen,
  },
  {
    name: 'waiting',
    is: (object) => has(object, 'Reconciling', 'True'),
    health: (object) => progressing(told(object, 'Reconciling')),
  },
  {
    name: 'good',
    is: isReady,
    health: (object) => ({ status: 'Healthy', message: of(object, 'Ready')?.message ?? '' }),
  },
  { name: 'blocked', is: isBlocked, health: (object) => progressing(told(object, 'Ready')) },
  {
    name: 'broken',
    is: isStalled,
    health: (object) => ({ status: 'Degraded', message: told(object, 'Stalled') }),
  },
  {
    name: 'changed',
    is: isStalled,
    next: (object) => ({
      ...object,
      metadata: { ...object.metadata, generation: (object.metadata.generation ?? 0) + 1 },
    }),
    health: () => unseen,
  },
  {
    name: 'deleted',
    is: isReady,
    next: (object) => ({ ...object, metadata: { ...object.metadata, deletionTimestamp: at } }),
    health: () => progressing('It is being deleted'),
  },
];

const at = '2026-01-01T00:00:00Z';

/** Text of each file below the folder of a kind, by its path there. */
export function filesOf(kind: string, script: string, recorded: readonly Reported[]): ReadonlyMap<string, string> {
  const files = new Map([['health.lua', script]]);
  const tests: object[] = [];
  for (const { name, is, next = unchanged, health } of states) {
    const found = recorded.find((object) => object.kind === kind && is(object));
    if (found === undefined) continue;
    const object = next(withoutTimes(found));
    const inputPath = `testdata/${name}.yaml`;
    files.set(inputPath, yaml(object));
    tests.push({ healthStatus: health(object), inputPath });
  }
  files.set('health_test.yaml', yaml({ tests }));
  return files;
}

const unchanged = (object: Reported) => object;
const yaml = (value: object) => stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });

/** What differs from run to run is left out, or made alike. */
function withoutTimes({ apiVersion, kind, metadata, spec, status }: Reported): Reported {
  const { name, namespace, generation } = metadata;
  const kept = { name, ...(namespace !== undefined && { namespace }), ...(generation !== undefined && { generation }) };
  const text = JSON.stringify({ apiVersion, kind, metadata: kept, spec, status });
  return JSON.parse(text.replaceAll(/"lastTransitionTime":"[^"]*"/g, `"lastTransitionTime":"${at}"`)) as Reported;
}

/** By condition: what a file of test data must share with something recorded, to be real. */
export function shapeOf({ kind, status }: Reported): string {
  const conditions = (status?.conditions ?? []).map(({ type, status: value, reason }) => `${type}=${value} ${reason}`);
  return [kind, ...conditions].join(', ');
}
