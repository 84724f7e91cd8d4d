/** What tests apply: backends, and the objects of ours in short, without a namespace: a world puts them into its own. */
import { connect } from 'node:net';
import type { Service } from '../../../src/kube/core.ts';
import type { KubeObject } from '../../../src/kube/object.ts';
import { evengateImage } from '../../cluster/images/images.ts';
import { until } from './until.ts';
import type { World } from './world.ts';

const backendPort = 8080;

/** Resolves when each answers behind a Service of its name, port 80. Its name is `backend` of its answers. */
export async function backends(world: World, ...names: readonly string[]): Promise<void> {
  await world.apply(...names.flatMap((name) => [demoBackend(name), service(name)]));
  await areUp(world, names);
}

/** Resolves when kube-proxy knows them, too, which hears of Ready Pods no sooner than we do. */
export async function areUp(world: World, names: readonly string[]): Promise<void> {
  await until(`backends ${names.join(', ')}`, async () => {
    const found = await Promise.all(names.map((name) => world.get('Deployment', name)));
    return found.every((one) => (one?.status?.['readyReplicas'] ?? 0) === 1);
  });
  if (!world.cluster.podNetworkReachable) return;
  const services = await Promise.all(names.map((name) => world.get<Service>('Service', name)));
  for (const { spec: { clusterIP: host } = {} } of services.flatMap((one) => one ?? [])) {
    if (host !== undefined) await until(`somebody at ${host}:80`, () => isListening({ host, port: 80 }));
  }
}

/** Without its Service. */
export function demoBackend(name: string): KubeObject {
  const labels = { app: name };
  const container = {
    name: 'backend',
    image: evengateImage,
    args: ['demo-backend', '--name', name, '--port', String(backendPort)],
    ports: [{ containerPort: backendPort }],
    readinessProbe: { httpGet: { path: '/healthz', port: backendPort }, periodSeconds: 1 },
  };
  const spec = { terminationGracePeriodSeconds: 1, containers: [container] };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  } as KubeObject;
}

/** Port 80, in front of the backend `app`. */
export function service(name: string, app = name): KubeObject {
  const spec = { selector: { app }, ports: [{ port: 80, targetPort: backendPort }] };
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec };
}

function ours(kind: string, name: string, spec: object): KubeObject {
  return { apiVersion: 'evengate.dev/v1alpha1', kind, metadata: { name }, spec };
}

export interface GatewayOptions {
  readonly className: string;
  /** TLS Secrets of an HTTPS listener on 443; none without it. */
  readonly certificates?: readonly string[];
  readonly replicas?: number;
  /** `terminationDrainDuration`; 5s when absent, so that tests end. */
  readonly drain?: string;
  readonly workload?: object;
  /** More of the spec. */
  readonly spec?: object;
}

/** HTTP on port 80 and, with certificates, HTTPS on 443. */
export function gateway(name: string, options: GatewayOptions): KubeObject {
  const { className, certificates = [], replicas = 2, drain = '5s', workload, spec } = options;
  const certificateRefs = certificates.map((one) => ({ name: one }));
  const https = { name: 'https', port: 443, protocol: 'HTTPS', tls: { certificateRefs } };
  return ours('ApiGateway', name, {
    className,
    listeners: [{ name: 'web', port: 80, protocol: 'HTTP' }, ...(certificates.length > 0 ? [https] : [])],
    workload: { replicas, terminationDrainDuration: drain, ...workload },
    ...spec,
  });
}

/** On the gateway `edge`, every listener. */
export function route(name: string, host: string, rules: readonly object[]): KubeObject {
  return ours('Route', name, { parentRefs: [{ name: 'edge' }], hostnames: [host], rules });
}

/** One rule to one backend, for all paths below `path`. */
export function rule(path: string, backend: string, more: object = {}): object {
  return { matches: [{ path: { value: path } }], backendRefs: [{ name: backend, port: 80 }], ...more };
}

/** On a Route, or any other target; everybody may when `spec` says nothing. */
export function authPolicy(name: string, target: string | object, spec: object = {}): KubeObject {
  const open = Object.keys(spec).length === 0 ? { authorize: { allow: [{ name: 'anyone' }] } } : spec;
  return ours('AuthPolicy', name, { targetRefs: targetRefs(target), ...open });
}

export function rateLimitPolicy(name: string, target: string | object, limits: readonly object[]): KubeObject {
  return ours('RateLimitPolicy', name, { targetRefs: targetRefs(target), limits });
}

const targetRefs = (target: string | object) => [typeof target === 'string' ? { kind: 'Route', name: target } : target];

export function tlsSecret(name: string, { certificate, key }: { certificate: string; key: string }): KubeObject {
  const data = { 'tls.crt': base64(certificate), 'tls.key': base64(key) };
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, type: 'kubernetes.io/tls', data } as KubeObject;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Where a gateway's Service is reached from this machine: its cluster IP, or a node's port. Resolves when something listens there. */
export async function addressOf(world: World, gatewayName: string, port: number): Promise<Address> {
  const address = await addressAtOnce(world, gatewayName, port);
  await until(`somebody at ${address.host}:${address.port}`, () => isListening(address));
  return address;
}

function isListening({ host, port }: Address): Promise<boolean> {
  const socket = connect({ host, port, timeout: 1000 });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.once('connect', () => resolve(true));
  for (const event of ['error', 'timeout']) socket.once(event, () => resolve(false));
  return promise.finally(() => socket.destroy());
}

/** … whether anybody listens there or not. */
export async function addressAtOnce(world: World, gatewayName: string, port: number): Promise<Address> {
  // One that an ApiGateway of this name has left is collected, and another one has its place, at another address.
  const found = await until(`Service edge-${gatewayName}`, async () => {
    const [gateway, service] = await Promise.all([
      world.get('ApiGateway', gatewayName),
      world.get<Service>('Service', `edge-${gatewayName}`),
    ]);
    const isIts = service?.metadata.ownerReferences?.some(({ uid }) => uid === gateway?.metadata.uid);
    return isIts === true && service;
  });
  const { clusterIP: host, ports = [] } = found.spec ?? {};
  if (world.cluster.podNetworkReachable && host !== undefined) return { host, port };
  const nodePort = ports.find((one) => one.port === port)?.nodePort;
  if (nodePort === undefined) throw new Error(`Service edge-${gatewayName} has no port of the node for ${port}`);
  return { host: world.cluster.nodeAddress, port: nodePort };
}
