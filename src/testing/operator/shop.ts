/** A shop with something of everything, and what its people do to it. */
import type { KubeObject } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import {
  authPolicy,
  backendRef,
  configMap,
  corpJwks,
  gateway,
  gatewayTarget,
  jwt,
  rateLimitPolicy,
  referenceGrant,
  route,
  routeTarget,
  service,
} from '../build.ts';
import type { KubeApi } from '../kube-api/index.ts';
import { testCertificate } from '../rig-certificates.ts';
import type { OperatorRig } from './rig.ts';

/** What a Secret holds; nothing that leaves the operator may hold it, but a mirror. */
export const canary = 'canary-7d1f';

const { certificate, key } = testCertificate('shop.example.com');

/** With a canary in an entry of its own, and one in a label of nobody's business. */
export function certificateSecret(name: string, namespace = 'shop'): KubeObject {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const data = { 'tls.crt': base64(certificate), 'tls.key': base64(key), note: base64(canary) };
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace, annotations: { note: canary } },
    type: 'kubernetes.io/tls',
    data,
  } as KubeObject;
}

/** A line of it, as base64 has it and as PEM does. */
export const keyMaterial: readonly string[] = [
  key.split('\n')[1] ?? '',
  Buffer.from(key).toString('base64').slice(64, 128),
];

export function pathRoute(name: string, more: object = {}): KubeObject {
  const matches = [{ path: { type: 'PathPrefix', value: `/${name}` } }];
  const rules = [{ name: 'all', matches, backendRefs: [backendRef()], ...more }];
  return route({ rules }, { name });
}

export function publicFor(name: string): KubeObject {
  return authPolicy({ targetRefs: [routeTarget(name)] }, { name });
}

/** For those who bring a token. */
export function guardFor(name: string, more: object = {}): KubeObject {
  const keys = jwt({ jwks: { configMapRef: { name: 'corp-keys', key: 'jwks.json' } } });
  return authPolicy(
    { targetRefs: [routeTarget(name)], authenticate: { jwt: [keys] }, authorize: undefined, ...more },
    { name },
  );
}

export const httpGateway = gateway();

/** `foreign`: a certificate of another namespace, which is only served by who reads Secrets. */
export function shopGateway(spec: object = {}, foreign = true): KubeObject {
  const refs = [{ name: 'own-tls' }, ...(foreign ? [{ name: 'foreign-tls', namespace: 'certs' }] : [])];
  const listeners = [
    { name: 'web', port: 80, protocol: 'HTTP' },
    { name: 'secure', port: 443, protocol: 'HTTPS', hostname: 'shop.example.com', tls: { certificateRefs: refs } },
  ];
  return gateway({ listeners, ...spec });
}

/** `orders` and `hidden` are guarded, `menu` is public, `bare` has no policy; what nobody guards is shut. */
export function shop(): readonly KubeObject[] {
  return [
    service(),
    service({}, { name: 'canary' }),
    configMap({ 'jwks.json': corpJwks }),
    certificateSecret('own-tls'),
    certificateSecret('foreign-tls', 'certs'),
    referenceGrant('shop', { namespace: 'certs' }),
    shopGateway(),
    pathRoute('orders'),
    guardFor('orders'),
    pathRoute('menu'),
    publicFor('menu'),
    pathRoute('hidden'),
    guardFor('hidden'),
    pathRoute('bare'),
    rateLimitPolicy(),
    rateLimitPolicy({ targetRefs: [gatewayTarget()] }, { name: 'all' }),
  ];
}

export const guarded = ['shop/orders', 'shop/hidden', 'shop/bare'];

/** One thing that somebody does. */
export type Step = (api: KubeApi) => void;

export const shopChanges: readonly Step[] = [
  (api) => api.put(pathRoute('orders', { backendRefs: [backendRef({ name: 'canary' })] })),
  (api) => api.put(guardFor('orders', { authorize: { allow: [{ name: 'readers', to: [{ methods: ['GET'] }] }] } })),
  (api) => {
    api.delete(pathRoute('bare'));
    api.delete(guardFor('hidden'));
  },
];

export function createAll(api: KubeApi, objects: readonly KubeObject[]): void {
  for (const object of objects) api.create(object);
}

/** The shop, served by an operator that reads Secrets. */
export async function servingShop(rig: OperatorRig): Promise<OperatorRig> {
  createAll(rig.api, shop());
  rig.start({ readSecrets: true });
  await rig.quiet();
  return rig;
}

export function readyIn(api: KubeApi, kind: 'ApiGateway' | 'Route' | 'AuthPolicy' | 'RateLimitPolicy', name: string) {
  return api.get(resources[kind], 'shop', name);
}
