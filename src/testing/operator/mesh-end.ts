/** END of a meshed shop: as of one that was always as it is now, but for what is kept closed (ADR 16). */
import type { AuthorizationPolicy, SecurityObject } from '../../istio/security.ts';
import type { KubeObject } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import { istioKinds, type MeshLife } from './mesh-life.ts';
import { endOf } from './oracles.ts';
import type { OperatorRig } from './rig.ts';
import { createAll } from './shop.ts';

const users = ['ApiGateway', 'Service', 'Pod', 'Route', 'AuthPolicy', ...istioKinds] as const;

type End = ReturnType<typeof endOf>;

/** A new operator on a new cluster, with the objects that the users of this one have. */
export async function freshEnd({ rig: { api } }: MeshLife, fresh: OperatorRig): Promise<End> {
  const isOurs = ({ metadata: { labels } }: KubeObject) => labels?.['app.kubernetes.io/managed-by'] !== undefined;
  const written = users.flatMap((kind) =>
    api.list<KubeObject>(resources[kind]).flatMap((object) => {
      if (isOurs(object)) return [];
      const { name, namespace, labels } = object.metadata;
      const { status, ...others } = { ...object, kind } as KubeObject & { readonly status?: object };
      const metadata = { name, ...(namespace && { namespace }), ...(labels && { labels }) };
      return [
        {
          ...others,
          ...(kind === 'Pod' && { status }),
          apiVersion: resources[kind].group === '' ? 'v1' : object.apiVersion,
          metadata,
        },
      ];
    }),
  );
  createAll(fresh.api, written as readonly KubeObject[]);
  fresh.start();
  await fresh.quiet(70_000);
  return endOf(fresh);
}

/** Without what is of Istio: where no gateway is in a mesh, an operator that begins looks at none of it. */
export function withoutIstio(end: End): End {
  return Object.fromEntries(
    Object.entries(end).filter(([id]) => !istioKinds.some((kind) => id.startsWith(`${kind} `))),
  );
}

/** What differs, a line a field; that something was once refused is not forgotten. */
export function unlike(end: End, fresh: End): readonly string[] {
  const ids = new Set([...Object.keys(end), ...Object.keys(fresh)]);
  return [...ids].flatMap((id) => {
    const [one, other] = [end[id], fresh[id]];
    if (JSON.stringify(one) === JSON.stringify(other)) return [];
    const isMeant = isKept(one as SecurityObject | undefined, other as SecurityObject | undefined);
    return isMeant ? [] : differences(id, one, other);
  });
}

function differences(where: string, one: unknown, other: unknown): readonly string[] {
  if (isNested(one) && isNested(other)) {
    const names = new Set([...Object.keys(one), ...Object.keys(other)]);
    return [...names].flatMap((name) => differences(`${where}.${name}`, one[name], other[name]));
  }
  if (JSON.stringify(one)?.startsWith('{"evengate.dev/refused":') === true) return [];
  const [is, wanted] = [JSON.stringify(one), JSON.stringify(other)];
  return is === wanted ? [] : [`${where} is ${is}, and for a new operator ${wanted}`];
}

function isNested(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** It says no more than the fresh one, and closes no less. */
function isKept(one: SecurityObject | undefined, other: SecurityObject | undefined): boolean {
  if (one === undefined || (one.metadata.annotations?.['evengate.dev/kept'] === undefined && other === undefined))
    return false;
  if (one.kind === 'PeerAuthentication') return other === undefined;
  if (one.kind !== 'AuthorizationPolicy') return false;
  const [was, now] = [rulesOf(one), rulesOf(other as AuthorizationPolicy | undefined)];
  return JSON.stringify(was.said) === JSON.stringify(now.said) && now.open.every((port) => was.open.includes(port));
}

function rulesOf(policy: AuthorizationPolicy | undefined) {
  const rules = policy?.spec?.rules ?? [];
  const isOther = (rule: (typeof rules)[number]) =>
    rule.from === undefined && rule.to?.[0]?.operation.notPorts !== undefined;
  return {
    said: rules.filter((rule) => !isOther(rule)),
    open: rules.filter(isOther).flatMap(({ to = [] }) => to.flatMap(({ operation }) => operation.notPorts ?? [])),
  };
}
