/** A mesh to be measured: 1,000 AuthPolicies over 200 workloads of 20 teams, behind one gateway. Made by arithmetic. */
import type { KubeObject } from '../src/kube/object.ts';

const ours = 'evengate.dev/v1alpha1';
const teams = 20;
export const workloads = 200;
export const authPolicies = 1000;

export function meshWorldOf(jwks: string): readonly KubeObject[] {
  return [
    { apiVersion: ours, kind: 'ApiGateway', metadata: { name: 'edge', namespace: 'gateways' }, spec: gatewaySpec },
    meshConfig,
    ...numbers(teams).map((team) => keysOf(team, jwks)),
    ...numbers(workloads).flatMap((one) => [service(one), ...numbers(4).map((part) => route(one, part))]),
    ...numbers(authPolicies).map((index) => authPolicy(index)),
  ];
}

const gatewaySpec = {
  listeners: [{ name: 'web', port: 80, protocol: 'HTTP', allowedRoutes: { namespaces: { from: 'All' } } }],
  mesh: { mode: 'Sidecar' },
};

/** Read by every mesh that is well: without it no rule about paths lets anybody in from inside. */
const meshConfig: KubeObject = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'istio', namespace: 'istio-system' },
  data: { mesh: 'pathNormalization: {normalization: DECODE_AND_MERGE_SLASHES}' },
} as KubeObject;

function numbers(count: number): readonly number[] {
  return [...Array(count).keys()];
}

function namespaceOf(workload: number): string {
  return `team-${workload % teams}`;
}

function keysOf(team: number, jwks: string): KubeObject {
  const keys = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'corp-keys', namespace: `team-${team}` },
    data: { 'jwks.json': jwks },
  };
  return keys;
}

function service(workload: number): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: `service-${workload}`, namespace: namespaceOf(workload) },
    spec: { selector: { app: `service-${workload}` }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  };
}

function route(workload: number, part: number): KubeObject {
  const rule = (name: string, match: object) => ({
    name,
    matches: [match],
    backendRefs: [{ name: `service-${workload}`, port: 80 }],
  });
  return {
    apiVersion: ours,
    kind: 'Route',
    metadata: { name: `service-${workload}-${part}`, namespace: namespaceOf(workload) },
    spec: {
      parentRefs: [{ name: 'edge', namespace: 'gateways', sectionName: 'web' }],
      hostnames: [`service-${workload}.example.com`],
      rules: [
        rule('read', { path: { value: `/part-${part}` }, method: 'GET' }),
        rule('write', { path: { value: `/part-${part}` }, method: 'POST' }),
      ],
    },
  };
}

/** Four of five on a Route of its own, the fifth on the workload's Service; `turn` makes another one of it. */
export function authPolicy(index: number, turn = 0): KubeObject {
  const [workload, part] = [Math.floor(index / 5), index % 5];
  const target =
    part === 4
      ? { kind: 'Service', name: `service-${workload}` }
      : { kind: 'Route', name: `service-${workload}-${part}` };
  return {
    apiVersion: ours,
    kind: 'AuthPolicy',
    metadata: { name: `policy-${index}`, namespace: namespaceOf(workload) },
    spec: { targetRefs: [target], ...(part === 4 ? servicePolicy(turn) : routePolicy(workload, turn)) },
  };
}

function routePolicy(workload: number, turn: number): object {
  return {
    authenticate: {
      jwt: [{ name: 'corp', issuer: 'https://login.example.com', jwks: { configMapRef: { name: 'corp-keys' } } }],
    },
    authorize: {
      allow: [
        { name: 'readers', to: [{ methods: ['GET'] }], when: [{ claim: 'scope', values: [`read-${turn % 2}`] }] },
        { name: 'writers', when: [{ claim: '/realm/roles', values: ['writer'] }] },
        { name: 'jobs', from: [{ serviceAccounts: [`team-${(workload + 1) % teams}/batch`] }] },
      ],
    },
  };
}

function servicePolicy(turn: number): object {
  return {
    authorize: {
      deny: [{ name: 'old', when: [{ header: 'x-client', values: [`legacy-${turn % 2}`] }] }],
    },
  };
}
