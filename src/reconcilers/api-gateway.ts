/** Status of an ApiGateway. It is healthy whatever its Routes are, or each would wait for the other. */
import type { Listener } from '../ir/gateway.ts';
import type { Condition, KubeObject, ObjectKey } from '../kube/object.ts';
import { conditionsFor, partConditions, programmed, refusal, type Verdict } from '../status/conditions.ts';
import { type Finding, reasons } from '../status/finding.ts';
import { column, generationOf } from './columns.ts';
import { gatewayMesh } from './gateway-mesh.ts';
import type { Address, StatusWorld } from './world.ts';

export interface ApiGatewayStatus {
  readonly observedGeneration?: number;
  readonly conditions: readonly Condition[];
  readonly revision?: string;
  readonly addresses?: readonly Address[];
  readonly attachedRoutes: number;
  readonly mesh?: string;
  readonly listeners: readonly ListenerStatus[];
}

interface ListenerStatus {
  readonly name: string;
  readonly attachedRoutes: number;
  readonly conditions: readonly Condition[];
}

export function apiGatewayStatus(key: ObjectKey, object: KubeObject, world: StatusWorld): ApiGatewayStatus {
  const gateway = world.resolution.gateways.get(key);
  const { generation } = object.metadata;
  const findings = world.findingsOf('ApiGateway', key);
  const delivery = world.deliveries.get(key);
  const refusedIn = (condition: string) =>
    refusal(findings.filter(({ reason }) => reasons[reason].condition === condition));
  const delivered = refusedIn('Programmed') ?? programmed(delivery);
  const mistaken = refusedIn('MeshEnforced');
  const mesh = gatewayMesh(key, world);
  const addresses = world.addresses.get(key) ?? [];
  return {
    ...generationOf(object),
    conditions: conditionsFor(
      {
        Accepted: 'from findings',
        ResolvedRefs: 'from findings',
        Programmed: delivered,
        ...(mistaken && { MeshEnforced: mistaken }),
      },
      findings,
      generation,
      // It serves whatever becomes of the workloads, whose policies are not ready.
      mistaken === undefined && mesh !== undefined ? { MeshEnforced: mesh.verdict } : {},
    ),
    ...(delivery === undefined ? {} : { revision: delivery.revision }),
    ...(addresses.length === 0 ? {} : { addresses }),
    attachedRoutes: world.attachedRoutes(key),
    ...column('mesh', mesh?.column ?? ''),
    listeners: (gateway?.listeners ?? []).map((listener, index) => {
      const own = findings.filter(({ at }) => isWithin(at, `spec.listeners[${index}]`));
      const isShut = delivery?.shut?.includes(listener.name) === true;
      return listenerStatus({ ...listener, served: listener.served && !isShut }, own, { delivered, generation });
    }),
  };
}

interface Common {
  readonly delivered: Verdict;
  readonly generation: number | undefined;
}

function listenerStatus(listener: Listener, findings: readonly Finding[], common: Common): ListenerStatus {
  const { name, attachedRoutes, served } = listener;
  const [why] = findings;
  const shut: Verdict = { status: 'False', reason: why?.reason ?? 'Invalid', message: 'The listener is not served.' };
  const conditions = partConditions(
    { Accepted: 'from findings', ResolvedRefs: 'from findings', Programmed: served ? common.delivered : shut },
    findings,
    common.generation,
  );
  return { name, attachedRoutes, conditions };
}

function isWithin(at: string, path: string): boolean {
  return at === path || at.startsWith(`${path}.`);
}
