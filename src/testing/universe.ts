/** A small world of objects of every kind, each in several forms, good and broken: what random histories are made of. */
import type { KubeObject } from '../kube/object.ts';
import {
  authPolicy,
  backendRef,
  configMap,
  corpJwks,
  gateway,
  gatewayTarget,
  jwt,
  namespace,
  object,
  rateLimitPolicy,
  referenceGrant,
  route,
  routeTarget,
  service,
  serviceTarget,
  tlsSecret,
} from './build.ts';

/** The forms of one object: same kind and name. The first is a good one. */
export type Forms = readonly [KubeObject, ...KubeObject[]];

const bank = { namespace: 'bank' };
const istio = { name: 'istio', namespace: 'istio-system' };
const http = { name: 'web', port: 80, protocol: 'HTTP', allowedRoutes: { namespaces: { from: 'All' } } };
const https = { name: 'tls', port: 443, protocol: 'HTTPS', tls: { certificateRefs: [{ name: 'shop-tls' }] } };
const toOrders = { backendRefs: [backendRef()] };
const rules = (...all: readonly object[]) => ({ rules: all });
const at = (value: string, more: object = toOrders) => ({ matches: [{ path: { value } }], ...more });

const gateways: readonly Forms[] = [
  [
    gateway({ listeners: [http, https] }),
    gateway({ listeners: [http], defaultAccess: 'Public' }),
    gateway({ listeners: [{ ...http, hostname: '*.example.com' }, { ...http, name: 'rest' }, https] }),
    gateway({ listeners: [http, { ...http, name: 'twin' }] }),
    gateway({
      listeners: [
        { ...http, allowedRoutes: { namespaces: { from: 'Selector', selector: { matchLabels: { team: 'pay' } } } } },
      ],
    }),
    gateway({ listeners: [http], mesh: { mode: 'Sidecar' } }),
    gateway({ className: 'other' }),
    gateway({ listeners: 'none' }),
  ],
  [
    gateway({ listeners: [http], defaultAccess: 'Public' }, { name: 'second', ...bank }),
    gateway({ listeners: [{ ...http, port: 81 }], clientIP: { trustedHops: 1 } }, { name: 'second', ...bank }),
    gateway({ listeners: [http], mesh: { mode: 'Ambient' } }, { name: 'second', ...bank }),
  ],
];

const routes: readonly Forms[] = [
  [
    route(),
    route({ hostnames: ['a.example.com', '*.example.com'], ...rules({ name: 'all', ...toOrders }, at('/x')) }),
    route(rules(at('/a'), { ...at('/b'), nonsense: true }, { ...at('/c'), name: 'all' })),
    route(rules({ matches: [{ path: { type: 'RegularExpression', value: '(' } }], ...toOrders }, at('/'))),
    route({
      parentRefs: [
        { name: 'edge', sectionName: 'gone' },
        { name: 'second', namespace: 'bank' },
      ],
    }),
    route({ parentRefs: 7 }),
  ],
  [
    route(rules(at('/other', { redirect: { scheme: 'https' } }), at('/other/two')), { name: 'other' }),
    route(rules(at('/other', { backendRefs: [backendRef({ name: 'pay', namespace: 'bank' })] })), { name: 'other' }),
  ],
  [
    route(
      { parentRefs: [{ name: 'second' }, { name: 'edge', namespace: 'shop' }], ...rules(at('/pay')) },
      { name: 'pay', ...bank },
    ),
    route(
      { parentRefs: [{ name: 'second' }], ...rules({ backendRefs: [backendRef({ name: 'pay' })] }) },
      { name: 'pay', ...bank },
    ),
  ],
];

const byConfigMap = jwt({ jwks: { configMapRef: { name: 'corp-keys' } } });

const policies: readonly Forms[] = [
  [
    authPolicy(),
    authPolicy({ authenticate: { jwt: [byConfigMap] } }),
    authPolicy({ targetRefs: [routeTarget('orders', 'all')] }),
    authPolicy({ targetRefs: [routeTarget('orders', 'gone'), routeTarget('other')] }),
    authPolicy({ mode: 'Shadow', authenticate: { jwt: [jwt({ issuer: 'https://shadow.example.com' })] } }),
    authPolicy({ authorize: { allow: [{ when: [{ claim: 'scope', values: ['read'] }] }] } }),
    authPolicy({ authorize: 'everyone' }),
    authPolicy({ targetRefs: 'everything' }),
  ],
  [
    authPolicy(
      { targetRefs: [gatewayTarget()], authorize: { deny: [{ to: [{ methods: ['POST'] }] }] } },
      { name: 'outer' },
    ),
    authPolicy(
      { targetRefs: [gatewayTarget('edge', 'tls')], sufficient: true, authenticate: { jwt: [jwt()] } },
      { name: 'outer' },
    ),
    authPolicy({ targetRefs: [gatewayTarget('edge', 'gone')] }, { name: 'outer' }),
  ],
  [
    authPolicy(
      {
        targetRefs: [serviceTarget()],
        authorize: { allow: [{ name: 'all' }, { from: [{ serviceAccounts: ['billing/batch'] }] }] },
      },
      { name: 'behind' },
    ),
    authPolicy({ targetRefs: [serviceTarget('orders', 'http')], authenticate: { jwt: [jwt()] } }, { name: 'behind' }),
    authPolicy({ targetRefs: [serviceTarget('orders', 'gone')] }, { name: 'behind' }),
    authPolicy(
      {
        targetRefs: [serviceTarget('gone'), serviceTarget()],
        authorize: { deny: [{ from: [{ namespaces: ['a'] }] }] },
      },
      { name: 'behind' },
    ),
  ],
  [
    authPolicy({ targetRefs: [serviceTarget('pay')] }, { name: 'pay', ...bank }),
    authPolicy({ targetRefs: 'everything' }, { name: 'pay', ...bank }),
  ],
  // An issuer more at the gateway shows in limits by claim of Routes that it does not guard.
  [
    authPolicy({ targetRefs: [routeTarget('other')], authenticate: { jwt: [jwt()] } }, { name: 'inner' }),
    authPolicy({ targetRefs: [routeTarget('other')] }, { name: 'inner' }),
  ],
  [
    rateLimitPolicy(),
    rateLimitPolicy({ limits: [{ name: 'each', requests: 1, per: 'Day', by: [{ claim: 'sub' }, { header: 'x-a' }] }] }),
    rateLimitPolicy({ targetRefs: [gatewayTarget()], limits: [] }),
  ],
];

const others: readonly Forms[] = [
  [
    service(),
    service({ ports: [{ port: 80, appProtocol: 'h2c' }] }),
    service({ ports: [{ name: 'http', port: 80 }], selector: { app: 'orders' } }),
    service({ type: 'ExternalName', externalName: 'x' }),
  ],
  [service({}, { name: 'pay', ...bank })],
  [
    configMap({ mesh: 'trustDomain: example.com' }, istio),
    configMap({ mesh: 'pathNormalization: {normalization: DECODE_AND_MERGE_SLASHES}' }, istio),
    configMap({ mesh: '[' }, istio),
  ],
  [configMap({ 'jwks.json': corpJwks }), configMap({ 'jwks.json': '{"keys":[]}' })],
  [tlsSecret(), object('Secret', 'shop-tls', { type: 'kubernetes.io/tls', stringData: { 'tls.crt': 'x' } })],
  [namespace('bank', { team: 'pay' }), namespace('bank')],
  [referenceGrant('shop', bank), referenceGrant('elsewhere', { ...bank, name: 'from-shop' })],
];

export const universe: readonly Forms[] = [...gateways, ...routes, ...policies, ...others];
