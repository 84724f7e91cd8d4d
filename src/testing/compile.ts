/** The whole compiler in one call: objects in, the files of every Envoy out. */
import type { Placement } from '../ir/placement.ts';
import type { KubeObject, ObjectKey } from '../kube/object.ts';
import type { Snapshot } from '../kube/snapshot.ts';
import { type Edge, edgeRenderer } from '../render/edge.ts';
import { type Resolution, resolver } from '../resolve/resolve.ts';
import { snapshotOf } from './build.ts';

/** As in a cluster, with fixed directories. */
export const testPlacement: Placement = {
  directory: '/etc/evengate/xds',
  certificates: '/etc/evengate/certs',
  trustedCertificates: '/etc/ssl/certs/ca-certificates.crt',
  sharePorts: true,
  bind: (_gateway, port) => ({ address: '0.0.0.0', port }),
  endpoints: ({ service, namespace, port }) => ({
    kind: 'dns',
    host: `${service}.${namespace}.svc.cluster.local`,
    port,
  }),
};

export interface Compiled {
  readonly snapshot: Snapshot;
  readonly resolution: Resolution;
  readonly edges: ReadonlyMap<ObjectKey, Edge>;
  /** Text of every file, by `gateway key` and file name: `shop/edge lds.json`. */
  readonly files: ReadonlyMap<string, string>;
  readonly resources: readonly Resource[];
}

/** One Envoy resource, parsed. */
export interface Resource {
  readonly gateway: ObjectKey;
  /** `rds-http-80.json` */
  readonly file: string;
  readonly json: JsonObject;
}

export type JsonObject = Readonly<Record<string, unknown>>;

/** Keeps what it learned from call to call, as the operator does. */
export function compiler(placement: Placement = testPlacement): (snapshot: Snapshot) => Compiled {
  const resolve = resolver();
  const render = edgeRenderer(placement);
  return (snapshot) => {
    const resolution = resolve(snapshot);
    const edges = new Map([...resolution.gateways].map(([key, gateway]) => [key, render(gateway)] as const));
    const files = [...edges].flatMap(([key, edge]) =>
      edge.files.map((file) => ({ gateway: key, file: file.name, text: file.text('1') })),
    );
    return {
      snapshot,
      resolution,
      edges,
      files: new Map(files.map(({ gateway, file, text }) => [`${gateway} ${file}`, text])),
      resources: files.flatMap(({ gateway, file, text }) =>
        (JSON.parse(text) as { readonly resources: readonly JsonObject[] }).resources.map((json) => ({
          gateway,
          file,
          json,
        })),
      ),
    };
  };
}

/** From scratch. */
export function compile(objects: readonly KubeObject[]): Compiled {
  return compiler()(snapshotOf(objects));
}
