/** Behaviour that Istio's own tests fix, said in our kinds: what is asked, by whom, and what Istio's table answers. */
import type { KubeObject } from '../../../kube/object.ts';
import type { HeaderPair } from '../../rig-request.ts';
import { servicePort, targetPort, type World, waypointName } from '../worlds.ts';
import type { IstioToken } from './tokens.ts';

/** 500 is of the edge alone: what cannot be enforced admits nobody. */
export type Verdict = 200 | 401 | 403 | 500;

/** `a` and `b` call inside the mesh, with accounts of one name in two namespaces; `plaintext` without an identity; `outside` through the edge. */
export type Caller = 'a' | 'b' | 'plaintext' | 'outside';

export interface Row {
  /** Which of Istio's rows: its name, or its place in Istio's table. None where Istio has none and we add one. */
  readonly at?: number | string;
  /** `/` when absent. */
  readonly path?: string;
  readonly method?: string;
  /** That of the workload when absent. */
  readonly host?: string;
  readonly headers?: readonly HeaderPair[];
  readonly token?: IstioToken;
  /** The workload; `orders` when absent. */
  readonly to?: 'orders' | 'cart';
  /** Of the Service, where it has a second one. */
  readonly port?: typeof secondPort;
  readonly answers: Readonly<Partial<Record<Caller, Verdict>>>;
  /** Why the mesh may admit it all the same, were the edge to forward it: `PartlyAtEdge` is what the workload's report says. */
  readonly atEdge?: 'PartlyAtEdge' | 'a preflight';
}

export interface NotOurs {
  readonly at: readonly (number | string)[];
  readonly because: string;
}

export interface Table {
  /** Name of the test in Istio, and of a part of it. */
  readonly of: string;
  readonly policies: readonly KubeObject[];
  /** More of the spec of the ApiGateway, and of its `mesh`. */
  readonly gateway?: object;
  readonly mesh?: object;
  /** Of Route `orders`, in the place of one that sends everything to Service `orders`. */
  readonly rules?: readonly object[];
  /** Service `orders` has one more, `http2`. */
  readonly secondPort?: true;
  readonly rows: readonly Row[];
  readonly notOurs?: readonly NotOurs[];
}

export const secondPort = 8001;

export const identities: Readonly<Record<'a' | 'b', string>> = {
  a: 'cluster.local/ns/WORLD/sa/a',
  b: 'cluster.local/ns/other/sa/a',
};

export function all(verdict: Verdict): Row['answers'] {
  return { a: verdict, b: verdict, outside: verdict };
}

/** Rows that differ in nothing but place and path. */
export function paths(rows: Readonly<Record<number, string>>, answers: Row['answers']): readonly Row[] {
  return Object.entries(rows).map(([at, path]) => ({ at: Number(at), path, answers }));
}

/** gRPC's unary call of Istio's echo service. */
export function grpc(at: number, answers: Row['answers']): Row {
  const headers: readonly HeaderPair[] = [
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
  ];
  return { at, method: 'POST', path: grpcPath, headers, answers };
}

export const grpcPath = '/proto.EchoTestService/Echo';

/** Half of a row: its other half is run. */
export const tcpHalf: NotOurs = {
  at: [0],
  because:
    'the TCP half of the row: Routes and AuthPolicies are of HTTP alone, and ports that none of them names stay as they are',
};

/** On Service `orders`, so that it binds callers from outside and inside. */
export function servicePolicy(authorize: object, more: object = {}, name = 'orders'): KubeObject {
  return policy(name, { targetRefs: [{ kind: 'Service', name: 'orders' }], authorize, ...more });
}

export function policy(name: string, spec: object): KubeObject {
  return ours('AuthPolicy', name, spec);
}

export const anyone = { name: 'anyone' };

/** One of `test-issuer-N@istio.io`. */
export function issuer(number: 1 | 2 | 3, more: object = {}): object {
  return { name: `issuer-${number}`, issuer: `test-issuer-${number}@istio.io`, jwks: { inline: 'JWKS-A' }, ...more };
}

export function worldOf(table: Table, mode: World['mode']): World {
  const own = mode === 'Sidecar' ? { mode } : { mode: 'Ambient', waypoint: { name: waypointName } };
  const listeners = [{ name: 'web', port: 80, protocol: 'HTTP' }];
  const rules = table.rules ?? [{ name: 'all', backendRefs: [backend('orders')] }];
  return {
    mode,
    objects: [
      ...(['orders', 'cart'] as const).map((name) =>
        serviceObject(name, mode, table.secondPort === true && name === 'orders'),
      ),
      ours('ApiGateway', 'edge-0', { listeners, ...table.gateway, mesh: { ...own, ...table.mesh } }),
      ours('Route', 'orders', { parentRefs: [{ name: 'edge-0' }], rules }),
      ours('Route', 'cart', {
        parentRefs: [{ name: 'edge-0' }],
        hostnames: [hostOf('cart')],
        rules: [{ name: 'all', backendRefs: [backend('cart')] }],
      }),
      ...table.policies,
    ],
    outside: [],
    inside: [],
  };
}

export function hostOf(service: 'orders' | 'cart'): string {
  return `${service}.example.com`;
}

export function backend(name: 'orders' | 'cart'): object {
  return { name, port: servicePort };
}

function ours(kind: string, name: string, spec: object): KubeObject {
  return { apiVersion: 'evengate.dev/v1alpha1', kind, metadata: { name, namespace: 'WORLD' }, spec } as KubeObject;
}

function serviceObject(name: string, mode: World['mode'], second: boolean): KubeObject {
  const labels = mode === 'Sidecar' ? {} : { labels: { 'istio.io/use-waypoint': waypointName } };
  const first = { name: 'http', port: servicePort, targetPort, appProtocol: 'http' };
  const other = { name: 'http2', port: secondPort, targetPort: targetPort + 1, appProtocol: 'http' };
  const ports = second ? [first, other] : [first];
  const spec = { selector: { app: name }, ports };
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'WORLD', ...labels }, spec } as KubeObject;
}
