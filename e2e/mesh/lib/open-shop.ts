/** The shop, open: operator, workload, gateway, Route and policy, and all who call. */
import { startOperator, type TestOperator } from '../../operator/lib/operator.ts';
import { until } from '../../operator/lib/until.ts';
import type { World } from '../../operator/lib/world.ts';
import { type Caller, openCaller, type PodAsk, settled } from './callers.ts';
import { istioNamespace } from './istio.ts';
import { meshedBackends, openMesh, podAddress } from './meshed.ts';
import {
  type Bearer,
  edgeService,
  host,
  makeTokens,
  meshGateway,
  ordersPolicy,
  ordersRoute,
  type Tokens,
} from './shop.ts';

export interface Request {
  readonly method?: string;
  /** `/orders/1` when absent. */
  readonly path?: string;
  /** That of the Route when absent. */
  readonly host?: string;
  /** A reader's when absent. */
  readonly token?: Bearer | 'none';
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Shop {
  readonly world: World;
  readonly operator: TestOperator;
  readonly tokens: Tokens;
  /** No part of the mesh. */
  readonly outside: Caller;
  /** Whom the policy lets in from the mesh; its sidecar asks for it, each time on a new connection. */
  readonly friend: Caller;
  /** Has a certificate of the mesh that no policy names. */
  readonly stranger: Caller;
  /** Has that of the gateway. */
  readonly thief: Caller;
  readonly throughGateway: (request?: Request) => PodAsk;
  /** Past the gateway, to the Pod, with the certificate of who asks. */
  readonly direct: (request?: Request) => PodAsk;
  /** From inside the mesh, to the workload's Service. */
  readonly inside: (path: string, method?: string) => PodAsk;
}

type Callers = Pick<Shop, 'outside' | 'friend' | 'stranger' | 'thief'>;
type Requests = Pick<Shop, 'throughGateway' | 'direct' | 'inside'>;

/** Resolves when the mesh refuses a stranger. */
export async function openShop(name: string, where: 'pod' | 'outside' = 'outside'): Promise<Shop> {
  const [world, tokens] = await Promise.all([openMesh(name), makeTokens()]);
  const [operator] = await Promise.all([
    startOperator(world, { class: world.namespace, where, istioNamespace }),
    meshedBackends(world, 'web'),
    world.apply(freshConnections(world), meshGateway(world), ordersRoute(), ordersPolicy(tokens.key)),
  ]);
  const callers = await openCallers(world);
  await world.ready('ApiGateway', 'edge');
  await world.ready('AuthPolicy', 'orders');
  const requests = requestsTo(await podAddress(world, 'web'), tokens);
  const strangers = () => callers.stranger.status(requests.direct());
  await until('the mesh refuses a stranger', () => settled(strangers, '403'));
  return { world, operator, tokens, ...callers, ...requests };
}

async function openCallers(world: World): Promise<Callers> {
  await until('service account of the gateway', () => world.get('ServiceAccount', 'edge-edge'));
  const [outside, friend, stranger, thief] = await Promise.all([
    openCaller(world, 'outside', { standing: 'Outside' }),
    openCaller(world, 'friend', { standing: 'Sidecar' }),
    openCaller(world, 'stranger', { standing: 'Certificate' }),
    openCaller(world, 'thief', { standing: 'Certificate', serviceAccount: 'edge-edge' }),
  ]);
  return { outside, friend, stranger, thief };
}

function requestsTo(pod: string, { bearer }: Tokens): Requests {
  const plain = ({
    token = 'reader',
    host: named = host,
    path = '/orders/1',
    method = 'GET',
    headers,
  }: Request = {}) => {
    const authorization = token === 'none' ? {} : { authorization: bearer[token] };
    return { method, path, headers: { host: named, ...authorization, ...headers } };
  };
  return {
    throughGateway: (request) => ({ ...plain(request), ...edgeService }),
    direct: (request) => ({ ...plain(request), host: pod, port: 8080, mutualTls: true }),
    inside: (path, method = 'GET') => ({ host: 'web', port: 80, path, method }),
  };
}

function freshConnections({ namespace }: World) {
  const spec = {
    host: `web.${namespace}.svc.cluster.local`,
    trafficPolicy: { connectionPool: { http: { maxRequestsPerConnection: 1 } } },
  };
  return { apiVersion: 'networking.istio.io/v1', kind: 'DestinationRule', metadata: { name: 'web' }, spec };
}
