/** The world that is measured: 10,000 Routes on 1,000 hosts, all guarded by 1,000 AuthPolicies, over 500 Services. Made by arithmetic, so every run measures the same. */
import { createHash, generateKeyPairSync } from 'node:crypto';
import { type KubeObject, objectKey } from '../src/kube/object.ts';
import { emptySnapshot, isWatchedKind, type Snapshot } from '../src/kube/snapshot.ts';

export interface Size {
  readonly hosts: number;
  readonly routesPerHost: number;
}

export const fullSize: Size = { hosts: 1000, routesPerHost: 10 };

const teams = 50;
const servicesPerTeam = 10;
const ours = 'evengate.dev/v1alpha1';

/** Objects as users write them, in the order in which a folder or an API server hands them out. */
export function worldOf({ hosts, routesPerHost }: Size): readonly KubeObject[] {
  const jwks = publicKeys();
  const hostNumbers = [...Array(hosts).keys()];
  return [
    { apiVersion: ours, kind: 'ApiGateway', metadata: { name: 'edge', namespace: 'gateways' }, spec: gatewaySpec },
    { apiVersion: ours, kind: 'AuthPolicy', metadata: { name: 'outer', namespace: 'gateways' }, spec: outerPolicySpec },
    ...[...Array(teams).keys()].flatMap((team) => teamObjects(team, jwks)),
    ...hostNumbers.map((host) => authPolicy(host, routesPerHost)),
    ...hostNumbers.flatMap((host) => [...Array(routesPerHost).keys()].map((index) => route(host, index))),
  ];
}

const gatewaySpec = {
  listeners: [{ name: 'web', port: 80, protocol: 'HTTP', allowedRoutes: { namespaces: { from: 'All' } } }],
};

/** A second policy on every path, so that guards are products. */
const outerPolicySpec = {
  targetRefs: [{ kind: 'ApiGateway', name: 'edge' }],
  authorize: { deny: [{ name: 'blocked', from: [{ remoteIpBlocks: ['203.0.113.0/24', '198.51.100.0/24'] }] }] },
};

function publicKeys(): string {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'first', alg: 'RS256' }] });
}

function teamObjects(team: number, jwks: string): readonly KubeObject[] {
  const namespace = `team-${team}`;
  const ports = [{ name: 'http', port: 80, targetPort: 8080 }];
  const services = [...Array(servicesPerTeam).keys()].map((index) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: `service-${index}`, namespace },
    spec: { selector: { app: `service-${index}` }, ports },
  }));
  const keys = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'corp-keys', namespace },
    data: { 'jwks.json': jwks },
  };
  return [keys, ...services];
}

const readers = { name: 'readers', to: [{ methods: ['GET'] }], when: [{ claim: 'scope', values: ['orders.read'] }] };
const writers = {
  name: 'writers',
  to: [{ methods: ['POST', 'PUT'], paths: ['/api/*'] }],
  when: [{ claim: '/realm_access/roles', values: ['writer', 'admin'] }],
};

/** Readers everywhere, and on every second host writers, too. */
function authPolicy(host: number, routesPerHost: number): KubeObject {
  const keys = { configMapRef: { name: 'corp-keys' } };
  const targets = [...Array(routesPerHost).keys()].map((index) => ({ kind: 'Route', name: `host-${host}-${index}` }));
  return {
    apiVersion: ours,
    kind: 'AuthPolicy',
    metadata: { name: `host-${host}`, namespace: `team-${host % teams}` },
    spec: {
      targetRefs: targets,
      authenticate: {
        jwt: [{ name: 'corp', issuer: 'https://login.example.com', audiences: [`app-${host}`], jwks: keys }],
      },
      authorize: { allow: host % 2 === 0 ? [readers] : [readers, writers] },
    },
  };
}

export function route(host: number, index: number, version = 0): KubeObject {
  const team = `team-${host % teams}`;
  const backend = (offset: number) => ({ name: `service-${(host + index + offset) % servicesPerTeam}`, port: 80 });
  const read = {
    name: 'read',
    matches: [{ path: { value: `/api/things-${index}` }, method: 'GET' }],
    timeouts: { request: '15s', backendRequest: '5s' },
    requestHeaders: { set: [{ name: 'x-team', value: `${team}-${version}` }], remove: ['x-internal'] },
    backendRefs: [
      { ...backend(0), weight: 90 },
      { ...backend(1), weight: 10 },
    ],
  };
  const write = {
    name: 'write',
    matches: [{ path: { type: 'Exact', value: `/api/things-${index}` }, method: 'POST' }],
    timeouts: { request: '30s' },
    responseHeaders: { add: [{ name: 'x-served-by', value: 'edge' }] },
    backendRefs: [backend(2)],
  };
  return {
    apiVersion: ours,
    kind: 'Route',
    metadata: { name: `host-${host}-${index}`, namespace: team },
    spec: {
      parentRefs: [{ name: 'edge', namespace: 'gateways', sectionName: 'web' }],
      hostnames: [`host-${host}.example.com`],
      rules: index % 2 === 0 ? [read] : [read, write],
    },
  };
}

/** As a watch of an API server sends it: with the metadata that nobody asked for, about 2 kB a Route. */
export function watchEvent(object: KubeObject): string {
  const { name, namespace = '' } = object.metadata;
  const id = createHash('sha256').update(`${object.kind}/${namespace}/${name}`).digest('hex');
  const fields = Object.fromEntries(Object.keys((object.spec ?? {}) as object).map((field) => [`f:${field}`, {}]));
  const metadata = {
    ...object.metadata,
    uid: `${id.slice(0, 8)}-${id.slice(8, 12)}-${id.slice(12, 16)}-${id.slice(16, 20)}-${id.slice(20, 32)}`,
    resourceVersion: String(parseInt(id.slice(0, 8), 16)),
    generation: 1,
    creationTimestamp: '2026-01-01T00:00:00Z',
    labels: { 'app.kubernetes.io/managed-by': 'argocd', 'app.kubernetes.io/part-of': namespace },
    managedFields: [
      {
        manager: 'argocd-controller',
        operation: 'Apply',
        apiVersion: object.apiVersion,
        time: '2026-01-01T00:00:00Z',
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:metadata': { 'f:labels': { 'f:app.kubernetes.io/managed-by': {} } }, 'f:spec': fields },
      },
    ],
  };
  return JSON.stringify({ type: 'ADDED', object: { ...object, metadata } });
}

export function snapshotOf(objects: readonly KubeObject[]): Snapshot {
  const byKind = Map.groupBy(objects, ({ kind }) => kind);
  const collections = [...byKind].filter(([kind]) => isWatchedKind(kind));
  return {
    ...emptySnapshot,
    ...Object.fromEntries(
      collections.map(([kind, members]) => [kind, new Map(members.map((one) => [objectKey(one), one]))]),
    ),
  };
}
