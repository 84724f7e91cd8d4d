/** What is proved: every edge and every workload as rendered, read back from text. */

import { clusterName } from '../features/names.ts';
import type { MeshReport, MeshWorkload } from '../ir/mesh.ts';
import type { SecurityObject } from '../istio/security.ts';
import { keyOf, type ObjectKey } from '../kube/object.ts';
import { edgeRenderer } from '../render/edge.ts';
import { inCluster } from '../render/in-cluster.ts';
import { meshObjects } from '../render/mesh.ts';
import type { Resolution } from '../resolve/resolve.ts';
import { type ParsedEdge, parseEdge } from './edge.ts';

export interface ProofGateway {
  readonly key: ObjectKey;
  readonly edge: ParsedEdge;
  /** Trusted proxies in front. */
  readonly hops: number;
  /** Of its Envoys in the mesh; undefined for one that has no part in it. */
  readonly identity: string | undefined;
}

export interface ProofWorkload {
  readonly key: ObjectKey;
  readonly meant: MeshWorkload;
  readonly objects: readonly SecurityObject[];
  readonly reports: readonly MeshReport[];
}

/** A port of a Service of a workload. */
export interface Destination {
  readonly workload: ProofWorkload;
  readonly service: string;
  readonly port: number;
}

export interface ProofWorld {
  readonly gateways: readonly ProofGateway[];
  readonly workloads: readonly ProofWorkload[];
  /** By the name of an Envoy's cluster. */
  readonly destinations: ReadonlyMap<string, Destination>;
}

export function proofWorld({ gateways, mesh, className }: Resolution): ProofWorld {
  const render = edgeRenderer(inCluster);
  const reports = [...mesh.reports.values()].flat();
  const workloads = [...mesh.workloads.values()].map(
    (meant): ProofWorkload => ({
      key: meant.key,
      meant,
      objects: parsedBack(meshObjects(meant, className)),
      reports: reports.filter(({ workload }) => workload === meant.key),
    }),
  );
  const backends = [...gateways.values()].flatMap(({ chains }) => chains.flatMap(({ uses }) => uses.backends));
  const found = backends.flatMap((backend) => {
    const { namespace, service, port } = backend;
    const workload = workloads.find(({ meant }) => meant.namespace === namespace && meant.services.includes(service));
    return workload === undefined ? [] : [[clusterName(backend), { workload, service, port }] as const];
  });
  return {
    gateways: [...gateways].map(([key, gateway]) => ({
      key,
      edge: parseEdge(render(gateway).files.map((file) => ({ name: file.name, text: file.text('1') }))),
      hops: gateway.trustedHops,
      identity: gateway.mesh?.identity,
    })),
    workloads: workloads.toSorted((a, b) => (a.key < b.key ? -1 : 1)),
    destinations: new Map(found),
  };
}

function parsedBack(objects: readonly SecurityObject[]): readonly SecurityObject[] {
  return JSON.parse(JSON.stringify(objects)) as readonly SecurityObject[];
}

export function sameDestination(a: Destination | undefined, b: Destination): boolean {
  return a?.workload === b.workload && a.service === b.service && a.port === b.port;
}

export function nameOf({ workload, service, port }: Destination): string {
  return `${keyOf(workload.meant.namespace, service)} port ${port}`;
}
