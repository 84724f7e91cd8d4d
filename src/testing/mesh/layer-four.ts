/** Istio's own objects, with all that ztunnel reads of them and all that it does not; and connections that tell them apart. */
import fc, { type Arbitrary } from 'fast-check';
import type { SecurityObject } from '../../istio/security.ts';
import type { Labels } from '../../kube/pods.ts';
import { few, present, some } from './some.ts';
import type { Connection } from './ztunnel.ts';

/** `OWN` stands for the namespace of the workload. */
export interface FourWorld {
  readonly objects: readonly SecurityObject[];
  readonly connections: readonly Connection[];
}

export const podLabels: Labels = { app: 'orders', tier: 'back' };

const principals = [
  'cluster.local/ns/OWN/sa/web',
  'cluster.local/ns/OWN/*',
  'cluster.local/ns/shop/sa/web',
  'cluster.local/*',
  '*/sa/web',
  'old.td/ns/shop/sa/web',
  // To ztunnel a text like any other.
  'cluster.local/ns/*/sa/web',
  '*',
] as const;
const namespaces = ['OWN', 'shop', 'sh*', '*op', 's*p', '*'] as const;
const accounts = ['web', 'OWN/web', 'shop/web', 'shop/job'] as const;
const addresses = [
  '10.0.0.1',
  '10.0.0.0/24',
  '10.0.7.9/16',
  '0.0.0.0/0',
  '::/0',
  '2001:db8::/32',
  '2001:db8::7',
] as const;
const ports = ['8080', '9090', '0', '65535'] as const;

/** `x` and `notX` alike. */
function either(name: string, values: readonly string[]): Arbitrary<object> {
  const negative = `not${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  const list = few(...values);
  return fc.oneof(
    { weight: 3, arbitrary: list.map((one) => ({ [name]: one })) },
    { weight: 2, arbitrary: list.map((one) => ({ [negative]: one })) },
    { weight: 1, arbitrary: fc.tuple(list, list).map(([one, other]) => ({ [name]: one, [negative]: other })) },
  );
}

/** One to three of them, as one. */
function together(...parts: readonly Arbitrary<object>[]): Arbitrary<object> {
  return fc
    .uniqueArray(fc.nat(parts.length - 1), { minLength: 1, maxLength: 3 })
    .chain((chosen) => fc.tuple(...chosen.map((index) => parts[index] ?? fc.constant({}))))
    .map((all): object => Object.assign({}, ...all));
}

const layerFour = [either('principals', principals), either('namespaces', namespaces), either('ipBlocks', addresses)];
const layerSeven = [either('requestPrincipals', ['https://a.example/*']), either('remoteIpBlocks', addresses)];
const trustDomains = either('trustDomains', ['cluster.local', 'old.td', '*']);

const source = fc.oneof(
  { weight: 6, arbitrary: together(...layerFour) },
  // Istio takes them with neither of the first two.
  { weight: 2, arbitrary: together(either('serviceAccounts', accounts), either('ipBlocks', addresses)) },
  { weight: 1, arbitrary: together(...layerFour, ...layerSeven) },
  { weight: 1, arbitrary: together(...layerSeven) },
  { weight: 1, arbitrary: together(...layerFour, trustDomains) },
  { weight: 1, arbitrary: trustDomains },
);

const onPorts = either('ports', ports);
const requested = [either('methods', ['GET', '*']), either('paths', ['/a', '/b*']), either('hosts', ['a.example'])];
const operation = fc.oneof(
  { weight: 6, arbitrary: onPorts },
  { weight: 1, arbitrary: together(onPorts, ...requested) },
  { weight: 1, arbitrary: together(...requested) },
);

const condition = fc
  .oneof(
    { weight: 2, arbitrary: about('source.principal', principals) },
    { weight: 2, arbitrary: about('source.namespace', namespaces) },
    { weight: 2, arbitrary: about('source.ip', addresses) },
    { weight: 2, arbitrary: about('destination.ip', addresses) },
    { weight: 2, arbitrary: about('destination.port', ports) },
    about('source.serviceAccount', accounts),
    about('source.trustDomain', ['cluster.local']),
    about('remote.ip', addresses),
    about('connection.sni', ['a.example']),
    about('request.headers[x-team]', ['red']),
    about('request.auth.claims[tier]', ['gold']),
  )
  .map((one): object => one);

function about(key: string, values: readonly string[]): Arbitrary<object> {
  return either('values', values).map((lists) => ({ key, ...lists }));
}

const rule = fc
  .record({
    from: some(
      fc.array(
        source.map((one) => ({ source: one })),
        { minLength: 1, maxLength: 2 },
      ),
      4,
    ),
    to: some(
      fc.array(
        operation.map((one) => ({ operation: one })),
        { minLength: 1, maxLength: 2 },
      ),
      3,
    ),
    when: some(fc.array(condition, { minLength: 1, maxLength: 2 }), 2),
  })
  .map(present);

const scope = fc.constantFrom<object>(
  {},
  { selector: { matchLabels: { app: 'orders' } } },
  { selector: { matchLabels: { app: 'orders', tier: 'back' } } },
  { selector: { matchLabels: { app: 'cart' } } },
  { targetRefs: [{ group: '', kind: 'Service', name: 'orders' }] },
);

const action = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom<object>({}, { action: 'ALLOW' }) },
  { weight: 5, arbitrary: fc.constant({ action: 'DENY' }) },
  { weight: 1, arbitrary: fc.constant({ action: 'AUDIT' }) },
);

const authorization = fc
  .record({
    scope,
    action,
    rules: fc.array(rule, { minLength: 1, maxLength: 3 }),
    without: fc.nat(9),
    counted: fc.nat(9),
  })
  .map(({ scope: about, action: does, rules, without, counted }) => {
    const { action: word = 'ALLOW' } = does as { readonly action?: string };
    const spec = { ...about, ...does, ...(without === 0 && word === 'ALLOW' ? {} : { rules }) };
    return {
      kind: 'AuthorizationPolicy',
      spec,
      annotations: counted === 0 && word !== 'AUDIT' ? { 'istio.io/dry-run': 'true' } : {},
    };
  });

const mode = fc.constantFrom('STRICT', 'PERMISSIVE', 'UNSET', 'DISABLE').map((one) => ({ mode: one }));
const peer = fc
  .record({
    isWide: fc.boolean(),
    mtls: some(mode),
    portLevelMtls: some(fc.dictionary(fc.constantFrom('8080', '9090'), mode, { minKeys: 1 })),
  })
  .map(({ isWide, ...spec }) => ({
    kind: 'PeerAuthentication',
    spec: isWide ? present({ mtls: spec.mtls }) : present({ selector: { matchLabels: { app: 'orders' } }, ...spec }),
    annotations: {},
  }));

/** One wide and one narrow at most: among equals the oldest counts, and here none is older. */
const peers = fc.uniqueArray(peer, { maxLength: 2, selector: ({ spec }) => 'selector' in spec });

const connection: Arbitrary<Connection> = fc
  .record({
    principal: some(
      fc.constantFrom(
        'cluster.local/ns/OWN/sa/web',
        'cluster.local/ns/OWN/sa/job',
        'cluster.local/ns/shop/sa/web',
        'cluster.local/ns/shop/sa/job',
        'old.td/ns/shop/sa/web',
        'cluster.local/ns/other/sa/default',
      ),
      8,
    ),
    sourceIp: fc.constantFrom('10.0.0.1', '10.0.0.200', '10.0.9.9', '192.0.2.1', '2001:db8::7', '2001:db9::1'),
    destinationIp: fc.constantFrom('10.0.0.1', '10.0.3.3', '2001:db8::8'),
    port: fc.constantFrom(8080, 8080, 9090, 3000),
  })
  .map((one) => present(one) as Connection);

type Part = { readonly kind: string; readonly spec: object; readonly annotations: Labels };

function named(parts: readonly Part[], namespace: string): readonly SecurityObject[] {
  return parts.map(({ kind, spec, annotations }, index) => {
    const metadata = { name: `${kind === 'PeerAuthentication' ? 'peer' : 'policy'}-${index}`, namespace, annotations };
    return { apiVersion: 'security.istio.io/v1', kind, metadata, spec } as SecurityObject;
  });
}

export const rootNamespace = 'istio-system';

/** What the mesh has for all. */
export const rootObjects: Arbitrary<readonly SecurityObject[]> = fc
  .tuple(
    fc.array(authorization, { maxLength: 1 }),
    fc.array(
      mode.map((mtls) => ({ kind: 'PeerAuthentication', spec: { mtls }, annotations: {} })),
      { maxLength: 1 },
    ),
  )
  .map(([policies, wide]) => named([...policies, ...wide], rootNamespace));

export const fourWorlds: Arbitrary<FourWorld> = fc
  .record({
    policies: fc.array(authorization, { maxLength: 3 }),
    peers,
    connections: fc.array(connection, { minLength: 25, maxLength: 25 }),
  })
  .map(({ policies, peers: modes, connections }) => ({ objects: named([...policies, ...modes], 'OWN'), connections }));
