import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { KubeObject } from '../../kube/object.ts';
import { authPolicy, gateway, meshConfig, object, route, service, snapshotOf } from '../../testing/build.ts';
import { resolver } from '../resolve.ts';

const pod = object(
  'Pod',
  'orders-0',
  { spec: { containers: [{ name: 'app' }, { name: 'istio-proxy' }] } },
  { labels: { app: 'orders' } },
);
const world = [service({ selector: { app: 'orders' } }), route(), authPolicy(), pod];

interface Peer {
  readonly at?: 'selector' | 'namespace' | 'root';
  readonly mode?: string;
  readonly port?: string | undefined;
  /** Second of its birth; none in a file. */
  readonly born?: number | undefined;
  readonly name?: string;
  readonly ours?: boolean;
}

function peer({ at = 'selector', mode, port, born, name = 'theirs', ours = false }: Peer): KubeObject {
  const spec = {
    ...(at === 'selector' && { selector: { matchLabels: { app: 'orders' } } }),
    ...(mode !== undefined && { mtls: { mode } }),
    ...(port !== undefined && { portLevelMtls: { 80: { mode: port } } }),
  };
  const namespace = at === 'root' ? 'istio-system' : 'shop';
  const creationTimestamp = `2026-01-01T00:00:${String(born).padStart(2, '0')}Z`;
  return object(
    'PeerAuthentication',
    name,
    { spec },
    {
      namespace,
      ...(born !== undefined && { creationTimestamp }),
      ...(ours && { labels: { 'app.kubernetes.io/managed-by': 'evengate' } }),
    },
  );
}

const ours = (born: number): KubeObject => peer({ name: 'evengate-orders', port: 'STRICT', born, ours: true });

function seen(mesh: object, ...objects: readonly KubeObject[]) {
  const edge = gateway({ mesh: { mode: 'Sidecar', ...mesh } });
  const { findings } = resolver()(snapshotOf([meshConfig(), edge, ...world, ...objects])).mesh;
  return findings.map(({ about, severity, reason, message, remedy }) => ({
    about: `${severity} ${about.kind} ${about.name} ${reason}`,
    text: `${message}. ${remedy}.`,
  }));
}

const brief = (...given: Parameters<typeof seen>) =>
  seen(...given).map(({ text }) => text.replace(/, which is not Evengate's,/, '').replace(/:.*|, for .*/, ''));

const disables = (name: string, where = '') =>
  `PeerAuthentication ${name} disables mTLS ${where}on a closed port of Service shop/orders`;
const wholeMesh = 'for the whole mesh, also ';
const wholeNamespace = 'for all of namespace shop, also ';

describe('mtls: Unmanaged, and a PeerAuthentication of somebody else', () => {
  const unmanaged = { mtls: 'Unmanaged' };

  test.each<[string, readonly Peer[], readonly string[]]>([
    ['in the root namespace', [{ at: 'root', mode: 'DISABLE' }], [disables('istio-system/theirs', wholeMesh)]],
    ['of the namespace', [{ at: 'namespace', mode: 'DISABLE' }], [disables('shop/theirs', wholeNamespace)]],
    ['by selector', [{ mode: 'DISABLE' }], [disables('shop/theirs')]],
    ['at the port', [{ mode: 'STRICT', port: 'DISABLE' }], [disables('shop/theirs')]],
    ['that leaves the port alone', [{ mode: 'DISABLE', port: 'STRICT' }], []],
    [
      'of the namespace, which counts more than that of the root namespace',
      [
        { at: 'root', mode: 'DISABLE' },
        { at: 'namespace', mode: 'STRICT' },
      ],
      [],
    ],
    [
      'by selector, which counts more than that of the namespace',
      [{ at: 'namespace', mode: 'DISABLE', name: 'all' }, { mode: 'PERMISSIVE' }],
      [
        'PeerAuthentication shop/all disables mTLS for namespace shop, so sidecars of callers speak plaintext to Service shop/orders',
      ],
    ],
    [
      'that leaves it to that of the root namespace',
      [
        { at: 'root', mode: 'DISABLE' },
        { at: 'namespace', mode: 'UNSET' },
        { port: 'UNSET', name: 'one' },
      ],
      [disables('istio-system/theirs', wholeMesh)],
    ],
    [
      'that is older than another one',
      [
        { at: 'root', mode: 'STRICT', born: 2, name: 'a' },
        { at: 'root', mode: 'DISABLE', born: 1, name: 'b' },
      ],
      [disables('istio-system/b', wholeMesh)],
    ],
    [
      'that is younger than another one',
      [
        { at: 'root', mode: 'STRICT', born: 1, name: 'b' },
        { at: 'root', mode: 'DISABLE', born: 2, name: 'a' },
      ],
      [],
    ],
    [
      'of the same second as another one: the first by name counts',
      [
        { at: 'root', mode: 'STRICT', born: 1, name: 'b' },
        { at: 'root', mode: 'DISABLE', born: 1, name: 'a' },
      ],
      [disables('istio-system/a', wholeMesh)],
    ],
    ['that is PERMISSIVE, as it is without one', [{ at: 'root', mode: 'PERMISSIVE' }], []],
  ])('%s', (_, peers, expected) => {
    expect(brief(unmanaged, ...peers.map(peer))).toEqual(expected);
  });

  test('what is said of one', () => {
    expect(seen(unmanaged, peer({ at: 'root', mode: 'DISABLE' }))).toEqual([
      {
        about: 'error AuthPolicy orders Overridden',
        text: "PeerAuthentication istio-system/theirs, which is not Evengate's, disables mTLS for the whole mesh, also on a closed port of Service shop/orders: nobody has an identity there, so rules that ask for one admit nobody, and what gateways send by mTLS fails. Make its mode STRICT or PERMISSIVE; spec.mesh.mtls: Strict at the ApiGateway would help what gateways send, and not callers inside.",
      },
    ]);
  });

  test('one of ours that goes, as nobody asks for it any more, decides nothing', () => {
    expect(brief(unmanaged, ours(1), peer({ at: 'root', mode: 'DISABLE' }))).toHaveLength(1);
  });
});

describe('mtls: Strict, and a PeerAuthentication of somebody else', () => {
  const takes = 'PeerAuthentication shop/theirs lets Service shop/orders take plaintext on a closed port';

  test.each<[string, readonly KubeObject[], readonly string[]]>([
    [
      'for all, that of the namespace lets it be',
      [peer({ at: 'root', mode: 'DISABLE' }), peer({ at: 'namespace', mode: 'PERMISSIVE' })],
      [],
    ],
    ['by selector, before ours is there', [peer({ mode: 'PERMISSIVE', born: 1 })], [takes]],
    ['by selector, older than ours', [peer({ mode: 'PERMISSIVE', born: 1 }), ours(2)], [takes]],
    ['by selector, older than ours, and no less strict', [peer({ mode: 'STRICT', born: 1 }), ours(2)], []],
    ['by selector, of an age that nobody knows', [peer({ mode: 'PERMISSIVE' }), ours(2)], [takes]],
    [
      'by selector, that leaves it to all others',
      [peer({ port: 'UNSET', born: 1 }), ours(2), peer({ at: 'root', mode: 'STRICT', name: 'all' })],
      [],
    ],
    ['by selector, that leaves it to nobody', [peer({ port: 'UNSET', born: 1 }), ours(2)], [takes]],
  ])('%s', (_, peers, expected) => {
    expect(brief({}, ...peers)).toEqual(expected);
  });

  test('by selector, younger than ours: what it says of other ports does not hold', () => {
    expect(seen({}, ours(1), peer({ mode: 'PERMISSIVE', born: 2 }))).toEqual([
      {
        about: 'warning Service orders MeshConflict',
        text: "PeerAuthentication shop/theirs, which is not Evengate's, selects Pods of Service shop/orders, of which Istio reads the oldest PeerAuthentication alone, and that is Evengate's: what this one says of other ports does not hold. Take the Pods out of its selector, or write spec.mesh.mtls: Unmanaged at the ApiGateway and all modes in yours.",
      },
    ]);
  });

  test.each([
    ['root', 'istio-system', 'the whole mesh', []],
    ['namespace', 'shop', 'namespace shop', [ours(1)]],
  ] as const)(
    'that disables it at level %s: ours is by selector, and sidecars of callers do not ask it',
    (at, namespace, all, own) => {
      expect(seen({}, ...own, peer({ at, mode: 'DISABLE' }))).toEqual([
        {
          about: 'warning Service orders MeshConflict',
          text: `PeerAuthentication ${namespace}/theirs, which is not Evengate's, disables mTLS for ${all}, so sidecars of callers speak plaintext to Service shop/orders: rules that ask for an identity admit none of them, and ports that take mTLS alone refuse all. Make its mode STRICT or PERMISSIVE, or delete it.`,
        },
      ]);
    },
  );

  test('in the root namespace, where Istio reads none with a selector', () => {
    const inRoot = (mode: string) => {
      const spec = { mtls: { mode } };
      const moved = world.map((one) => ({ ...one, metadata: { ...one.metadata, namespace: 'istio-system' } }));
      const parentRefs = [{ name: 'edge', namespace: 'istio-system' }];
      const edge = gateway({ mesh: { mode: 'Sidecar' } }, { namespace: 'istio-system' });
      const one = object('PeerAuthentication', 'all', { spec }, { namespace: 'istio-system' });
      const objects = [meshConfig(), edge, ...moved, { ...route({ parentRefs }), ...moved[1] }, one];
      return resolver()(snapshotOf(objects)).mesh.findings.map(({ message }) => message);
    };
    expect([inRoot('STRICT'), inRoot('PERMISSIVE')]).toEqual([
      [],
      [
        'Istio reads no PeerAuthentication with a selector in its root namespace istio-system, so Service istio-system/orders takes plaintext on a closed port',
      ],
    ]);
  });
});

/** As Istio composes them, said in another way: from the general to the special, each by the oldest. */
function composed(peers: readonly Peer[]): string {
  const first = (at: Peer['at']) =>
    peers
      .filter((one) => one.at === at)
      .toSorted((a, b) => (a.born ?? 0) - (b.born ?? 0) || ((a.name ?? '') < (b.name ?? '') ? -1 : 1))[0];
  const set = (mode: string | undefined) => (mode === 'UNSET' ? undefined : mode);
  const [root, namespace, selector] = [first('root'), first('namespace'), first('selector')];
  const whole = set(selector?.mode) ?? set(namespace?.mode) ?? set(root?.mode) ?? 'PERMISSIVE';
  return set(selector?.port) ?? whole;
}

test('mTLS is called disabled where Istio disables it, and nowhere else', () => {
  const mode = fc.constantFrom('UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT');
  const one = fc.record({
    at: fc.constantFrom('selector' as const, 'namespace' as const, 'root' as const),
    mode,
    port: fc.option(mode, { nil: undefined }),
    born: fc.integer({ min: 1, max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(one, { maxLength: 5 }), (all) => {
      const peers = all.map(
        (each, index): Peer => ({ ...each, name: `p${index}`, port: each.at === 'selector' ? each.port : undefined }),
      );
      const said = seen({ mtls: 'Unmanaged' }, ...peers.map(peer)).filter(({ about }) => about.startsWith('error'));
      expect(said.length).toBe(composed(peers) === 'DISABLE' ? 1 : 0);
    }),
    { numRuns: 100 },
  );
});
