/** What gateways that reach one workload say of it together. */
import type { EnforcementPoint, MeshSettings, MeshWorkload } from '../../ir/mesh.ts';
import type { ObjectKey } from '../../kube/object.ts';

export interface Agreement {
  readonly settings: MeshWorkload['settings'];
  /** Of the others: their mode, trust domain or waypoint is another one. */
  readonly denied: readonly ObjectKey[];
}

/** The first by name decides how; the strictest of those that agree, how much. Undefined without any. */
export function agree(all: readonly (readonly [ObjectKey, MeshSettings])[]): Agreement | undefined {
  const sorted = all.toSorted(([a], [b]) => (a < b ? -1 : 1));
  const [first] = sorted;
  if (first === undefined) return undefined;
  const agreeing = sorted.filter(([, settings]) => isAlike(settings, first[1])).map(([, settings]) => settings);
  const { mode, trustDomain, trustDomainAliases, rootNamespace, waypoint, revision } = first[1];
  const some = (holds: (settings: MeshSettings) => boolean) => agreeing.some(holds);
  return {
    settings: {
      mode,
      trustDomain,
      trustDomainAliases,
      rootNamespace,
      waypoint:
        waypoint === undefined ? undefined : { ...waypoint, managed: some((one) => one.waypoint?.managed === true) },
      revision,
      enforcement: some(({ enforcement }) => enforcement === 'Enforce') ? 'Enforce' : 'Shadow',
      mtls: (['Strict', 'Permissive'] as const).find((mtls) => some((one) => one.mtls === mtls)) ?? 'Unmanaged',
      onLastPolicy: some(({ onLastPolicy }) => onLastPolicy === 'Keep') ? 'Keep' : 'Release',
      enrol: some(({ enrol }) => enrol),
      normalises: normalises(agreeing),
    },
    denied: sorted.filter(([, settings]) => !isAlike(settings, first[1])).map(([key]) => key),
  };
}

function isAlike(a: MeshSettings, b: MeshSettings): boolean {
  return a.mode === b.mode && a.trustDomain === b.trustDomain && a.waypoint?.name === b.waypoint?.name;
}

function normalises(all: readonly MeshSettings[]): boolean | undefined {
  if (all.some((one) => one.normalises === false)) return false;
  return all.every((one) => one.normalises === true) ? true : undefined;
}

/** Where L7 is decided, or L4 where nobody does that. */
export function pointOf({ mode, waypoint }: Pick<MeshSettings, 'mode' | 'waypoint'>): EnforcementPoint {
  if (mode === 'Sidecar') return 'sidecar';
  return waypoint === undefined ? 'ztunnel' : 'waypoint';
}
