/** Small worlds of one workload or two, every kind of attribute in play: what random comparisons are made of. */
import fc, { type Arbitrary } from 'fast-check';
import type { KubeObject } from '../../kube/object.ts';
import { type InsideRequest, insideRequests, type OutsideRequest, outsideRequests } from './requests.ts';
import { few, present, some } from './some.ts';
import { aimed, policySpec } from './world-policies.ts';

/** Everything is in namespace `WORLD`, which stands for one of its own. */
export interface World {
  readonly mode: 'Sidecar' | 'Waypoint';
  readonly objects: readonly KubeObject[];
  readonly outside: readonly OutsideRequest[];
  readonly inside: readonly InsideRequest[];
}

/** Ports: what a Service has, and what its Pods listen on. */
export const servicePort = 8000;
export const targetPort = 8080;
export const waypointName = 'waypoint';

export interface WorldSize {
  readonly outside: number;
  readonly inside: number;
}

export function worlds(size: WorldSize): Arbitrary<World> {
  return fc
    .record({
      mode: fc.constantFrom('Sidecar' as const, 'Sidecar' as const, 'Waypoint' as const),
      gateways: fc.array(gatewaySpec, { minLength: 1, maxLength: 2 }),
      routes: fc.array(routeSpec, { minLength: 1, maxLength: 3 }),
      policies: fc.array(policySpec, { minLength: 1, maxLength: 4 }),
      outside: fc.array(outsideRequests, { minLength: size.outside, maxLength: size.outside }),
      inside: fc.array(insideRequests, { minLength: size.inside, maxLength: size.inside }),
    })
    .map(({ mode, gateways, routes, policies, outside, inside }) => ({
      mode,
      objects: [
        ...services.map((name) => serviceObject(name, mode)),
        ...gateways.map((spec, index) => ours('ApiGateway', `edge-${index}`, { ...spec, mesh: mesh(mode) })),
        ...routes.map((spec, index) => ours('Route', `route-${index}`, attached(spec, gateways.length))),
        ...policies.map((spec, index) =>
          ours(
            'AuthPolicy',
            `policy-${index}`,
            aimed(
              spec,
              gateways.length,
              routes.map(({ rules }) => rules.length),
            ),
          ),
        ),
      ],
      outside,
      inside,
    }));
}

export const services = ['orders', 'cart'] as const;

function ours(kind: string, name: string, spec: object): KubeObject {
  return { apiVersion: 'evengate.dev/v1alpha1', kind, metadata: { name, namespace: 'WORLD' }, spec } as KubeObject;
}

function mesh(mode: World['mode']): object {
  return mode === 'Sidecar' ? { mode } : { mode: 'Ambient', waypoint: { name: waypointName } };
}

function serviceObject(name: string, mode: World['mode']): KubeObject {
  const labels = mode === 'Sidecar' ? {} : { labels: { 'istio.io/use-waypoint': waypointName } };
  const ports = [{ name: 'http', port: servicePort, targetPort, appProtocol: 'http' }];
  const spec = { selector: { app: name }, ports };
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'WORLD', ...labels }, spec } as KubeObject;
}

const gatewaySpec = fc.record({
  listeners: fc.constant([{ name: 'web', port: 80, protocol: 'HTTP' }]),
  defaultAccess: fc.constantFrom('Public', 'Deny'),
});

const match = fc
  .record({
    path: some(
      fc.constantFrom<object>(
        { value: '/orders' },
        { value: '/' },
        { value: '/' },
        { value: '/admin' },
        { type: 'Exact', value: '/orders' },
        { type: 'Exact', value: '/orders/items' },
        { type: 'PathPrefix', value: '/orders/items' },
        { type: 'RegularExpression', value: '/v[0-9]+/.*' },
      ),
      6,
    ),
    method: some(fc.constantFrom('GET', 'POST')),
    headers: some(
      fc.constantFrom<object[]>(
        [{ name: 'x-team', value: 'red' }],
        [{ name: 'x-team', type: 'RegularExpression', value: 'b.*' }],
      ),
    ),
    queryParams: some(fc.constant([{ name: 'x', value: '1' }])),
  })
  .map(present);

const rewrite = fc.constantFrom<object>(
  { path: { type: 'ReplacePrefixMatch', value: '/' } },
  { path: { type: 'ReplacePrefixMatch', value: '/api' } },
  { path: { type: 'ReplacePrefixMatch', value: '/orders/items' } },
  { path: { type: 'ReplaceFullPath', value: '/fixed' } },
  { hostname: 'b.example.com' },
);

const requestHeaders = fc.constantFrom<object>(
  { set: [{ name: 'x-team', value: 'red' }] },
  { add: [{ name: 'x-team', value: 'blue' }] },
  { remove: ['x-team'] },
  { set: [{ name: 'x-other', value: '1' }] },
);

const ruleSpec = fc.record({
  matches: fc.array(match, { minLength: 1, maxLength: 2 }),
  backend: fc.constantFrom(...services, 'orders' as const),
  rewrite: some(rewrite),
  requestHeaders: some(requestHeaders),
});

const routeSpec = fc.record({
  hostnames: some(few('a.example.com', 'b.example.com', '*.example.com'), 2),
  rules: fc.array(ruleSpec, { minLength: 1, maxLength: 2 }),
  gateways: fc.constantFrom([0, 1], [0, 1], [0], [1]),
});

type RouteSpec = typeof routeSpec extends Arbitrary<infer T> ? T : never;

function attached({ hostnames, rules, gateways }: RouteSpec, count: number): object {
  return present({
    hostnames,
    parentRefs: [...new Set(gateways.map((index) => index % count))].map((index) => ({ name: `edge-${index}` })),
    rules: rules.map(({ backend, ...rule }, index) =>
      present({
        name: `rule-${index}`,
        ...rule,
        // Without a prefix to replace there is nothing to do it to.
        rewrite: 'path' in (rule.rewrite ?? {}) && !everyMatchHasPrefix(rule.matches) ? undefined : rule.rewrite,
        backendRefs: [{ name: backend, port: servicePort }],
      }),
    ),
  });
}

function everyMatchHasPrefix(matches: readonly object[]): boolean {
  return matches.every((one) => {
    const path = (one as { readonly path?: { readonly type?: string } }).path;
    return path !== undefined && (path.type ?? 'PathPrefix') === 'PathPrefix';
  });
}
