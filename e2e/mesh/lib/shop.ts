/** A shop behind a gateway in the mesh: one Route, one policy for both of its sides, and who calls. */
import type { KubeObject } from '../../../src/kube/object.ts';
import { type SigningKey, signingKey } from '../../../src/testing/rig-tokens.ts';
import { authPolicy, gateway, route, rule } from '../../operator/lib/shop.ts';
import type { World } from '../../operator/lib/world.ts';
import { proxyImage } from './images.ts';

export const host = 'shop.test';
/** Who signs tokens, as the policy names it. */
const issuer = 'https://login.shop.test';

/** In mode Sidecar, with the agent of the test mesh. */
export function meshGateway(world: World, mesh: object = {}, replicas = 1): KubeObject {
  const settings = { mode: 'Sidecar', agentImage: proxyImage, ...mesh };
  return gateway('edge', { className: world.namespace, replicas, spec: { mesh: settings } });
}

export function plainGateway(world: World, replicas = 1): KubeObject {
  return gateway('edge', { className: world.namespace, replicas });
}

/** `/orders` to the workload `web`, there as it is or below another prefix. */
export function ordersRoute(prefix?: string): KubeObject {
  const rewrite = { path: { type: 'ReplacePrefixMatch', value: prefix } };
  return route('orders', host, [rule('/orders', 'web', prefix === undefined ? {} : { rewrite })]);
}

export interface Rules {
  /** Of readers, beside a token with scope orders.read, GET and a path below /orders. */
  readonly readersWhen?: readonly object[];
  /** Service accounts of the world that may GET /orders/batch. */
  readonly batch?: readonly string[];
}

/** Readers come through the gateway with a token, batch jobs from inside the mesh without one; nobody to /orders/internal. */
export function ordersPolicy(key: SigningKey, { readersWhen = [], batch = ['friend'] }: Rules = {}): KubeObject {
  const read = { claim: 'scope', values: ['orders.read'] };
  const readers = {
    name: 'readers',
    to: [{ methods: ['GET'], paths: ['/orders/*'] }],
    when: [read, ...readersWhen],
  };
  const jobs = {
    name: 'batch',
    from: [{ serviceAccounts: batch }],
    to: [{ methods: ['GET'], paths: ['/orders/batch'] }],
  };
  return authPolicy('orders', 'orders', {
    authenticate: { jwt: [{ name: 'login', issuer, jwks: { inline: key.jwks } }] },
    authorize: {
      allow: [readers, ...(batch.length > 0 ? [jobs] : [])],
      deny: [{ name: 'internal', to: [{ paths: ['/orders/internal*'] }] }],
    },
  });
}

export type Bearer = 'reader' | 'writer' | 'forged';

export interface Tokens {
  readonly key: SigningKey;
  /** Values of `Authorization`: of a reader, of one without the scope, and of a reader whose token another key has signed. */
  readonly bearer: Readonly<Record<Bearer, string>>;
}

export async function makeTokens(): Promise<Tokens> {
  const [key, other] = await Promise.all([signingKey('shop'), signingKey('shop')]);
  const bearer = async (signer: SigningKey, scope: string) =>
    `Bearer ${(await signer.sign({ iss: issuer, scope })).text}`;
  const [reader, writer, forged] = await Promise.all([
    bearer(key, 'orders.read'),
    bearer(key, 'orders.write'),
    bearer(other, 'orders.read'),
  ]);
  return { key, bearer: { reader, writer, forged } };
}

/** The gateway's Service, as Pods of its namespace call it. */
export const edgeService = { host: 'edge-edge', port: 80 };
