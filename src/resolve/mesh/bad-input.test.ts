import { describe, expect, test } from '@jest/globals';
import type { Mesh } from '../../ir/mesh.ts';
import type { KubeObject } from '../../kube/object.ts';
import {
  authPolicy,
  backendRef,
  corpJwks,
  gateway,
  gatewayTarget,
  jwt,
  meshConfig,
  object,
  referenceGrant,
  route,
  routeTarget,
  service,
  snapshotOf,
} from '../../testing/build.ts';
import { told, toldReports } from '../../testing/mesh/told.ts';
import { resolver } from '../resolve.ts';

const inMesh = (mesh: object = {}, meta: object = {}) => gateway({ mesh: { mode: 'Sidecar', ...mesh } }, meta);
const orders = service({ selector: { app: 'orders' } });
const serviceTarget = { kind: 'Service', name: 'orders' };

function pod(name: string, spec: object = {}, meta: object = {}): KubeObject {
  const containers = [{ name: 'app' }, { name: 'istio-proxy' }];
  return object('Pod', name, { spec: { containers, ...spec } }, { labels: { app: 'orders' }, ...meta });
}

const bare = { containers: [{ name: 'app' }] };
const ambient = { annotations: { 'ambient.istio.io/redirection': 'enabled' } };

/** Reports that leave their reader alone; a declared limit and a choice ask for nothing. */
function withoutRemedy({ reports }: Mesh): readonly string[] {
  const choices = new Set(['Full', 'PartlyAtEdge', 'Shadow']);
  const lacking = [...reports.values()].flat().filter(({ reason, remedy }) => !choices.has(reason) && !remedy);
  return lacking.map(({ message }) => message);
}

function seen(...objects: readonly KubeObject[]) {
  const { mesh } = resolver()(snapshotOf([meshConfig(), ...objects]));
  expect(withoutRemedy(mesh)).toEqual([]);
  return {
    workloads: told(mesh),
    reports: toldReports(mesh),
    findings: mesh.findings.map(
      ({ about, reason, at, message }) =>
        `${about.kind} ${about.name}${at === '' ? '' : ` ${at}`}: ${reason}: ${message}`,
    ),
  };
}

describe('proxies', () => {
  const all = [inMesh(), orders, route(), authPolicy()];

  test.each<[string, readonly KubeObject[], string]>([
    ['before each Pod', [pod('a'), pod('b')], 'Full'],
    [
      'before no Pod that is known',
      [],
      'NotEnrolled no Pod of Service shop/orders is known, so nobody knows whether a proxy stands before it',
    ],
    [
      'before none',
      [pod('a', bare)],
      'NotEnrolled before the Pods of Service shop/orders stands no proxy, so the mesh does not protect them',
    ],
    [
      'before some',
      [pod('a'), pod('b', bare)],
      'NotEnrolled before some Pods of Service shop/orders no proxy stands, so the mesh does not protect those',
    ],
    [
      'of two kinds',
      [pod('a'), pod('b', bare, ambient)],
      'NotEnrolled there are mixed sidecar and ambient pods in Service shop/orders, and only those of mode Sidecar are protected',
    ],
    [
      'of the other kind',
      [pod('b', bare, ambient)],
      'NotEnrolled before the Pods of Service shop/orders stands the other data plane (ztunnel), so the mesh does not protect them',
    ],
    [
      'before Pods that have ended',
      [pod('a'), { ...pod('b', bare), status: { phase: 'Succeeded' } } as KubeObject],
      'Full',
    ],
  ])('%s', (_, pods, expected) => {
    expect(seen(...all, ...pods).reports).toEqual([`orders at shop/orders (sidecar): ${expected}`]);
  });
});

test('a headless Service is not behind its waypoint', () => {
  const waypoint = { mode: 'Ambient', waypoint: { name: 'waypoint' } };
  const without = service({ selector: { app: 'orders' }, clusterIP: 'None' });
  const world = (mesh: object, one: KubeObject) =>
    seen(inMesh(mesh), one, route(), authPolicy(), pod('a', bare, ambient));
  const said =
    "Service shop/orders is headless (clusterIP: None): requests go to its Pods' own addresses and pass the waypoint by, so ztunnel, which admits the waypoint alone, refuses them";
  const { reports, findings } = world(waypoint, without);
  expect([reports, findings]).toEqual([
    [`orders at shop/orders (waypoint): NotEnrolled ${said}`],
    [`Service orders spec.clusterIP: NotEnrolled: ${said}`],
  ]);
  for (const other of [world(waypoint, orders), world({ mode: 'Ambient' }, without), world({}, without)]) {
    expect(other.findings).toEqual([]);
  }
});

describe('selectors', () => {
  const canary = service({ selector: { app: 'orders', track: 'canary' }, ports: [{ port: 90 }] }, { name: 'canary' });
  const rules = [
    { name: 'all', backendRefs: [backendRef()] },
    { matches: [{ path: { value: '/canary' } }], backendRefs: [backendRef({ name: 'canary', port: 90 })] },
  ];

  test('that overlap: what is closed for the one is not open by the other', () => {
    expect(seen(inMesh(), orders, canary, route({ rules }), authPolicy())).toEqual({
      workloads: {
        'shop/canary': {
          closed: 'canary:90→90 orders:80→80',
          allow: ['canary:90 path: /canary /canary/* & principal: cluster.local/ns/shop/sa/edge-edge'],
        },
        'shop/orders': {
          closed: 'canary:90→90 orders:80→80',
          allow: ['orders:80 path: not /canary /canary/* & principal: cluster.local/ns/shop/sa/edge-edge'],
        },
      },
      reports: [
        'orders at shop/canary (sidecar): NotEnrolled no Pod of Service shop/canary is known, so nobody knows whether a proxy stands before it',
        'orders at shop/orders (sidecar): NotEnrolled no Pod of Service shop/orders is known, so nobody knows whether a proxy stands before it',
      ],
      findings: [],
    });
  });

  test('that overlap, and a policy on one of them: nobody', () => {
    const onService = authPolicy({ targetRefs: [serviceTarget] }, { name: 'behind' });
    expect(seen(inMesh(), orders, canary, route({ rules }), authPolicy(), onService)).toEqual({
      workloads: {
        'shop/canary': { closed: 'canary:90→90 orders:80→80', allow: [] },
        'shop/orders': { closed: 'canary:90→90 orders:80→80', allow: [] },
      },
      reports: [
        'behind at shop/orders (sidecar): Conflicted Services canary, orders select some of the same Pods by different selectors, and AuthPolicies target one of them, so it admits nobody',
        'behind at shop/orders (sidecar): NotEnrolled no Pod of Service shop/orders is known, so nobody knows whether a proxy stands before it',
        'orders at shop/canary (sidecar): Conflicted Services canary, orders select some of the same Pods by different selectors, and AuthPolicies target one of them, so it admits nobody',
        'orders at shop/canary (sidecar): NotEnrolled no Pod of Service shop/canary is known, so nobody knows whether a proxy stands before it',
        'orders at shop/orders (sidecar): Conflicted Services canary, orders select some of the same Pods by different selectors, and AuthPolicies target one of them, so it admits nobody',
        'orders at shop/orders (sidecar): NotEnrolled no Pod of Service shop/orders is known, so nobody knows whether a proxy stands before it',
      ],
      findings: [
        'Service canary: MeshConflict: Services canary, orders select some of the same Pods by different selectors, and AuthPolicies target one of them, so it admits nobody',
        'Service orders: MeshConflict: Services canary, orders select some of the same Pods by different selectors, and AuthPolicies target one of them, so it admits nobody',
      ],
    });
  });

  test('that are missing', () => {
    expect(seen(inMesh(), service(), route(), authPolicy())).toEqual({
      workloads: {},
      reports: [
        'orders at shop/orders (sidecar): NotEnrolled Service shop/orders has no selector, so Istio cannot enforce anything before what is behind it',
      ],
      findings: [
        'Service orders spec.selector: NotEnrolled: Service shop/orders has no selector, so Istio cannot enforce anything before what is behind it',
      ],
    });
  });

  test('that are equal make one workload', () => {
    const headless = service(
      { selector: { app: 'orders' }, clusterIP: 'None', ports: [{ port: 81, targetPort: 80 }] },
      { name: 'headless' },
    );
    const onService = authPolicy(
      { targetRefs: [serviceTarget], authorize: { allow: [{ to: [{ methods: ['GET'] }] }] } },
      { name: 'behind' },
    );
    const both = route({ rules: [{ backendRefs: [backendRef(), backendRef({ name: 'headless', port: 81 })] }] });
    expect(seen(inMesh(), orders, headless, both, authPolicy(), onService)).toEqual({
      workloads: {
        'shop/headless': {
          closed: 'headless:81→80|81 orders:80→80',
          allow: [
            'headless:81 orders:80 method: GET & principal: cluster.local/ns/shop/sa/edge-edge',
            'headless:81 orders:80 method: GET & principal: not cluster.local/ns/shop/sa/edge-edge',
          ],
        },
      },
      reports: [
        'behind at shop/headless (sidecar): NotEnrolled no Pod of Service shop/headless is known, so nobody knows whether a proxy stands before it',
        'orders at shop/headless (sidecar): NotEnrolled no Pod of Service shop/headless is known, so nobody knows whether a proxy stands before it',
      ],
      findings: [
        'AuthPolicy behind spec.targetRefs: MeshConflict: port 81 of Service shop/headless leads to the same port of the same Pods as the Service that it targets: the mesh refuses there, too, what this policy refuses, also where a gateway admits it',
      ],
    });
  });

  test('that are equal, and a policy on one of two Services that lead to one port', () => {
    const twin = service({ selector: { app: 'orders' }, ports: [{ port: 81, targetPort: 80 }] }, { name: 'twin' });
    const onTwin = authPolicy(
      { targetRefs: [{ kind: 'Service', name: 'twin' }], authorize: { allow: [{ to: [{ methods: ['GET'] }] }] } },
      { name: 'twin' },
    );
    const warned = (mesh: object) => seen(inMesh(mesh), orders, twin, route(), authPolicy(), onTwin).findings;
    expect(warned({})).toEqual([
      'AuthPolicy twin spec.targetRefs: MeshConflict: port 80 of Service shop/orders leads to the same port of the same Pods as the Service that it targets: the mesh refuses there, too, what this policy refuses, also where a gateway admits it',
    ]);
    expect(warned({ mode: 'Ambient', waypoint: { name: 'waypoint' } })).toEqual([]);
  });

  test('and Pods that give a port its number', () => {
    const named = service({ selector: { app: 'orders' }, ports: [{ port: 80, targetPort: 'web' }] });
    const ports = {
      containers: [{ name: 'istio-proxy' }, { name: 'app', ports: [{ name: 'web', containerPort: 8080 }] }],
    };
    const one = seen(inMesh(), named, route(), authPolicy(), pod('a', ports)).workloads;
    const none = seen(inMesh(), named, route(), authPolicy()).workloads;
    expect([one, none]).toEqual([
      {
        'shop/orders': { closed: 'orders:80→8080', allow: ['orders:80 principal: cluster.local/ns/shop/sa/edge-edge'] },
      },
      { 'shop/orders': { closed: 'orders:80→', allow: ['orders:80 principal: cluster.local/ns/shop/sa/edge-edge'] } },
    ]);
  });
});

describe('others', () => {
  const foreign = (spec: object, meta: object = {}) => object('AuthorizationPolicy', 'theirs', { spec }, meta);
  const mine = [inMesh(), orders, route(), authPolicy(), pod('a')];
  const open = { rules: [{}] };

  test.each<[string, KubeObject, boolean]>([
    ['all of the namespace', foreign(open), true],
    ['by selector', foreign({ ...open, selector: { matchLabels: { app: 'orders' } } }), true],
    ['of other Pods', foreign({ ...open, selector: { matchLabels: { app: 'other' } } }), false],
    ['of the root namespace', foreign(open, { namespace: 'istio-system' }), true],
    ['of another namespace', foreign(open, { namespace: 'bank' }), false],
    ['without rules', foreign({}), false],
    ['that denies', foreign({ ...open, action: 'DENY' }), false],
    ['that is only counted', foreign(open, { annotations: { 'istio.io/dry-run': 'true' } }), false],
    ['of another port', foreign({ rules: [{ to: [{ operation: { ports: ['9090'] } }] }] }), false],
    ['of the port', foreign({ rules: [{ to: [{ operation: { ports: ['80'] } }] }] }), true],
    [
      'by targetRefs, which sidecars do not read',
      foreign({ ...open, targetRefs: [{ group: '', ...serviceTarget }] }),
      false,
    ],
    ['of ours', foreign(open, { labels: { 'app.kubernetes.io/managed-by': 'evengate' } }), false],
  ])('an AuthorizationPolicy %s', (_, policy, overrides) => {
    const said = 'AuthPolicy orders: Overridden: AuthorizationPolicy ';
    const { findings } = seen(...mine, policy);
    expect(findings.filter((text) => text.startsWith(said)).length).toBe(overrides ? 1 : 0);
  });

  test('what is said of one', () => {
    const { reports, findings } = seen(...mine, foreign(open));
    expect([reports, findings]).toEqual([
      [
        "orders at shop/orders (sidecar): Overridden AuthorizationPolicy shop/theirs, which is not Evengate's, admits callers of Service shop/orders that no policy of Evengate admits",
      ],
      [
        "AuthPolicy orders: Overridden: AuthorizationPolicy shop/theirs, which is not Evengate's, admits callers of Service shop/orders that no policy of Evengate admits",
      ],
    ]);
  });

  test.each<[string, object, string | undefined]>([
    [
      'PERMISSIVE',
      { selector: { matchLabels: { app: 'orders' } }, mtls: { mode: 'PERMISSIVE' } },
      'lets Service shop/orders take plaintext on a closed port, for Istio reads the oldest alone of those that select it',
    ],
    ['STRICT', { selector: { matchLabels: { app: 'orders' } }, mtls: { mode: 'STRICT' } }, undefined],
    [
      'PERMISSIVE at another port',
      {
        selector: { matchLabels: { app: 'orders' } },
        mtls: { mode: 'STRICT' },
        portLevelMtls: { 9090: { mode: 'PERMISSIVE' } },
      },
      undefined,
    ],
    [
      'DISABLE at the port',
      {
        selector: { matchLabels: { app: 'orders' } },
        mtls: { mode: 'STRICT' },
        portLevelMtls: { 80: { mode: 'DISABLE' } },
      },
      'disables mTLS on a closed port of Service shop/orders: nobody has an identity there, so rules that ask for one admit nobody, and what gateways send by mTLS fails',
    ],
    ['PERMISSIVE for the namespace, which is less specific', { mtls: { mode: 'PERMISSIVE' } }, undefined],
  ])('a PeerAuthentication that is %s', (_, spec, said) => {
    const { reports, findings } = seen(...mine, object('PeerAuthentication', 'theirs', { spec }));
    const sentence = `Overridden PeerAuthentication shop/theirs, which is not Evengate's, ${said}`;
    expect(reports).toEqual([`orders at shop/orders (sidecar): ${said === undefined ? 'Full' : sentence}`]);
    expect(findings.length).toBe(said === undefined ? 0 : 1);
  });

  test.each<[string, object, object, boolean]>([
    ['as Permissive leaves it', { mtls: 'Permissive' }, { selector: { matchLabels: { app: 'orders' } } }, true],
    ['for the namespace, where nobody else says', { mtls: 'Unmanaged' }, {}, true],
    ['for the namespace, where ours says otherwise', { mtls: 'Permissive' }, {}, false],
    ['before ztunnel, which takes it for PERMISSIVE', { mode: 'Ambient', mtls: 'Permissive' }, {}, false],
  ])('a PeerAuthentication that is DISABLE %s', (_, mesh, more, disables) => {
    const theirs = object('PeerAuthentication', 'theirs', { spec: { mtls: { mode: 'DISABLE' }, ...more } });
    const { findings } = seen(...mine, inMesh(mesh), theirs);
    expect(findings.some((text) => text.includes('on a closed port'))).toBe(disables);
  });

  test('a Route of another namespace starts nothing', () => {
    const pay = service({ selector: { app: 'pay' } }, { name: 'pay', namespace: 'bank' });
    const there = route({ rules: [{ name: 'all', backendRefs: [{ name: 'pay', namespace: 'bank', port: 80 }] }] });
    expect(seen(inMesh(), pay, there, authPolicy(), referenceGrant('shop', { namespace: 'bank' }))).toEqual({
      workloads: {},
      reports: [],
      findings: [
        'Route orders spec.rules: NotEnrolled: it sends to Service bank/pay of another namespace, where no Route or AuthPolicy of that namespace names the port: the mesh enforces nothing there',
      ],
    });
    const own = authPolicy({ targetRefs: [{ kind: 'Service', name: 'pay' }] }, { name: 'pay', namespace: 'bank' });
    expect(seen(inMesh(), pay, there, authPolicy(), own, referenceGrant('shop', { namespace: 'bank' }))).toEqual({
      workloads: {
        'bank/pay': {
          closed: 'pay:80→80',
          allow: [
            'pay:80 principal: cluster.local/ns/shop/sa/edge-edge',
            'pay:80 principal: not cluster.local/ns/shop/sa/edge-edge',
          ],
        },
      },
      reports: [
        'orders at bank/pay (sidecar): NotEnrolled no Pod of Service bank/pay is known, so nobody knows whether a proxy stands before it',
        'pay at bank/pay (sidecar): NotEnrolled no Pod of Service bank/pay is known, so nobody knows whether a proxy stands before it',
      ],
      findings: [],
    });
  });

  test('gateways that differ', () => {
    const second = route({ parentRefs: [{ name: 'second' }] }, { name: 'second' });
    const both = [
      orders,
      route(),
      second,
      authPolicy(),
      authPolicy({ targetRefs: [routeTarget('second')] }, { name: 'second' }),
    ];
    expect(seen(inMesh(), inMesh({ mode: 'Ambient' }, { name: 'second' }), ...both)).toEqual({
      workloads: {
        'shop/orders': { closed: 'orders:80→80', allow: ['orders:80 principal: cluster.local/ns/shop/sa/edge-edge'] },
      },
      reports: [
        'orders at shop/orders (sidecar): NotEnrolled no Pod of Service shop/orders is known, so nobody knows whether a proxy stands before it',
        'second at shop/orders (sidecar): Conflicted ApiGateway shop/second has another mode, trust domain or waypoint in spec.mesh than ApiGateway shop/edge, which reaches Service shop/orders as well, so what comes through it is refused',
      ],
      findings: [
        'ApiGateway second spec.mesh.mode: MeshConflict: its mesh.mode Ambient is not Sidecar as that of ApiGateway shop/edge, which reaches Service shop/orders as well, so the Service refuses its requests',
      ],
    });
    expect(seen(inMesh(), gateway({}, { name: 'second' }), ...both).findings).toEqual([
      'ApiGateway second spec.mesh.mode: MeshConflict: it has no part in the mesh, but sends to Service shop/orders, where the mesh admits only callers with an identity',
    ]);
    const other = gateway({ className: 'alpha', mesh: { mode: 'Sidecar' } }, { name: 'second' });
    expect(seen(inMesh(), other, ...both)).toEqual({
      workloads: { 'shop/orders': { closed: 'orders:80→80', allow: [] } },
      reports: [
        'orders at shop/orders (sidecar): Conflicted ApiGateway shop/second of class alpha reaches it, too, and the operator of that class enforces there, so it admits nobody',
        'orders at shop/orders (sidecar): NotEnrolled no Pod of Service shop/orders is known, so nobody knows whether a proxy stands before it',
      ],
      findings: [
        'Service orders: MeshConflict: ApiGateway shop/second of class alpha reaches it, too, and the operator of that class enforces there, so it admits nobody',
      ],
    });
  });
});

describe('rules', () => {
  const policy = (authorize: object, more: object = {}) => authPolicy({ authorize, ...more });
  const batch = { name: 'batch', from: [{ serviceAccounts: ['billing/batch'] }] };

  test('that ztunnel cannot see', () => {
    const rules = {
      allow: [
        batch,
        { name: 'reader', from: [{ namespaces: ['web'] }], to: [{ methods: ['GET'] }] },
        { name: 'anyone', to: [{ methods: ['GET'] }] },
      ],
      deny: [
        { name: 'mallory', from: [{ serviceAccounts: ['billing/mallory'] }], to: [{ methods: ['DELETE'] }] },
        { name: 'posts', to: [{ methods: ['POST'] }] },
      ],
    };
    expect(seen(inMesh({ mode: 'Ambient' }), orders, route(), policy(rules))).toEqual({
      workloads: {
        'shop/orders': {
          closed: 'orders:80→80',
          allow: ['orders:80 principal: cluster.local/ns/shop/sa/edge-edge'],
          deny: ['orders:80 principal: cluster.local/ns/billing/sa/mallory'],
        },
      },
      reports: [
        'orders at shop/orders (ztunnel): NotEnrolled no Pod of Service shop/orders is known, so nobody knows whether a proxy stands before it',
        'orders at shop/orders (ztunnel): NotObservable [batch mallory posts reader] rules batch, mallory, posts, reader: no proxy of the mesh sees methods, so inside the mesh nobody is admitted by it, and what it may refuse is refused',
        "orders at shop/orders (ztunnel): PartlyAtEdge [anyone posts] rules anyone, posts: the gateway alone decides by methods; the mesh checks all else, of the gateway's identity",
      ],
      findings: [
        'AuthPolicy orders spec.authorize: NotObservable: at Service shop/orders, rules batch, mallory, posts, reader: no proxy of the mesh sees methods, so inside the mesh nobody is admitted by it, and what it may refuse is refused',
      ],
    });
  });

  test('that are too many', () => {
    const numbers = (count: number) => [...Array(count).keys()];
    const many = numbers(9).map((n) => {
      const allow = numbers(60).map((m) => ({
        name: `r${m}`,
        to: [{ paths: [`/p${n}/${m}`] }],
        when: [{ header: `x-${n}-${m}`, values: ['a'] }],
      }));
      return authPolicy({ targetRefs: [routeTarget('orders', `r${n}`)], authorize: { allow } }, { name: `p${n}` });
    });
    const rules = numbers(9).map((n) => ({
      name: `r${n}`,
      matches: [{ path: { value: `/p${n}` } }],
      backendRefs: [backendRef()],
    }));
    const { workloads, reports, findings } = seen(inMesh(), orders, route({ rules }), pod('a'), ...many);
    const because =
      'the rules of all Routes and policies that concern it come to more than 512 conjunctions, or more than an object of Istio holds, so it admits nobody';
    expect(workloads).toEqual({ 'shop/orders': { closed: 'orders:80→80', allow: [] } });
    expect(reports[0]).toBe(`p0 at shop/orders (sidecar): TooComplex ${because}`);
    expect(findings).toEqual([`Service orders: TooComplex: ${because}`]);
  });

  test('whose parts before them are too many pieces', () => {
    const headers = (n: number) => ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name: `x-${name}${n}`, value: '1' }));
    const rules = [...Array(6).keys()].map((n) => ({
      matches: [{ headers: headers(n) }],
      backendRefs: [backendRef()],
    }));
    const all = route({ rules: [...rules, { name: 'all', backendRefs: [backendRef()] }] });
    const { workloads, findings } = seen(inMesh(), orders, all, authPolicy());
    expect(workloads).toEqual({ 'shop/orders': { closed: 'orders:80→80', allow: [] } });
    expect(findings.map((text) => text.slice(0, 27))).toEqual(['Service orders: TooComplex:']);
  });

  test('that Istio has no words for', () => {
    const rules = {
      allow: [
        { ...batch, to: [{ hosts: ['*.example.com'] }] },
        { name: 'hosts', to: [{ hosts: ['*.example.com'] }] },
      ],
      deny: [{ name: 'not', from: [{ serviceAccounts: ['billing/mallory'] }], to: [{ hosts: ['*.internal'] }] }],
    };
    expect(seen(inMesh(), orders, route(), policy(rules))).toEqual({
      workloads: {
        'shop/orders': {
          closed: 'orders:80→80',
          allow: ['orders:80 principal: cluster.local/ns/shop/sa/edge-edge'],
          deny: ['orders:80 principal: cluster.local/ns/billing/sa/mallory'],
        },
      },
      reports: [
        'orders at shop/orders (sidecar): NotEnrolled no Pod of Service shop/orders is known, so nobody knows whether a proxy stands before it',
        'orders at shop/orders (sidecar): NotTranslatable [batch not] rules batch, not: Istio has no words for hosts such as *.example.com; hosts such as *.internal, so inside the mesh nobody is admitted by it, and what it may refuse is refused',
        "orders at shop/orders (sidecar): PartlyAtEdge [hosts] rule hosts: the gateway alone decides by hosts such as *.example.com; the mesh checks all else, of the gateway's identity",
      ],
      findings: [
        'AuthPolicy orders spec.authorize: NotTranslatable: at Service shop/orders, rules batch, not: Istio has no words for hosts such as *.example.com; hosts such as *.internal, so inside the mesh nobody is admitted by it, and what it may refuse is refused',
      ],
    });
  });

  test('that only the edge sees', () => {
    const rules = {
      allow: [
        { name: 'office', from: [{ remoteIpBlocks: ['10.0.0.0/8'] }], to: [{ methods: ['GET'] }] },
        { ...batch, from: [{ serviceAccounts: ['billing/batch'], remoteIpBlocks: ['10.0.0.0/8'] }] },
      ],
      deny: [{ name: 'bad', from: [{ remoteIpBlocks: ['203.0.113.0/24'] }] }],
    };
    expect(seen(inMesh(), orders, route(), policy(rules))).toEqual({
      workloads: {
        'shop/orders': {
          closed: 'orders:80→80',
          allow: ['orders:80 method: GET & principal: cluster.local/ns/shop/sa/edge-edge'],
        },
      },
      reports: [
        'orders at shop/orders (sidecar): NotEnrolled no Pod of Service shop/orders is known, so nobody knows whether a proxy stands before it',
        'orders at shop/orders (sidecar): NotObservable [batch] rule batch: no proxy of the mesh sees client addresses, so inside the mesh nobody is admitted by it, and what it may refuse is refused',
        "orders at shop/orders (sidecar): PartlyAtEdge [bad office] rules bad, office: the gateway alone decides by client addresses; the mesh checks all else, of the gateway's identity",
      ],
      findings: [
        'AuthPolicy orders spec.authorize: NotObservable: at Service shop/orders, rule batch: no proxy of the mesh sees client addresses, so inside the mesh nobody is admitted by it, and what it may refuse is refused',
      ],
    });
  });

  test.each<[string, KubeObject, string]>([
    ['less', meshConfig('pathNormalization: {normalization: BASE}'), 'the mesh normalises paths less than the gateway'],
    ['nobody knows how', meshConfig('['), 'nobody knows whether the mesh normalises paths as the gateway does'],
  ])('about paths where the mesh normalises %s', (_, config, why) => {
    const rules = {
      allow: [
        { ...batch, to: [{ paths: ['/jobs'] }] },
        { name: 'web', from: [{ namespaces: ['web'] }] },
      ],
      deny: [{ name: 'no', from: [{ namespaces: ['web'] }], to: [{ paths: ['/admin*'] }] }],
    };
    expect(seen(config, inMesh(), orders, route(), policy(rules))).toEqual({
      workloads: {
        'shop/orders': {
          closed: 'orders:80→80',
          allow: ['orders:80 principal: cluster.local/ns/web/sa/*'],
          deny: ['orders:80 principal: cluster.local/ns/web/sa/*'],
        },
      },
      reports: [
        `orders at shop/orders (sidecar): NormalizationMismatch [batch no] rules batch, no: ${why}, so inside the mesh nobody is admitted by it, and what it may refuse is refused`,
        'orders at shop/orders (sidecar): NotEnrolled no Pod of Service shop/orders is known, so nobody knows whether a proxy stands before it',
      ],
      findings: [
        `AuthPolicy orders spec.authorize: NormalizationMismatch: at Service shop/orders, rules batch, no: ${why}, so inside the mesh nobody is admitted by it, and what it may refuse is refused`,
      ],
    });
  });

  test('behind a regular expression', () => {
    const odd = route({
      rules: [
        {
          name: 'all',
          matches: [{ path: { type: 'RegularExpression', value: '/v[0-9]/.*' } }],
          backendRefs: [backendRef()],
        },
        { name: 'rest', backendRefs: [backendRef()] },
      ],
    });
    expect(seen(inMesh(), orders, odd, policy({ allow: [batch, { name: 'anyone' }] }))).toEqual({
      workloads: {
        'shop/orders': { closed: 'orders:80→80', allow: ['orders:80 principal: cluster.local/ns/shop/sa/edge-edge'] },
      },
      reports: [
        'orders at shop/orders (sidecar): NotEnrolled no Pod of Service shop/orders is known, so nobody knows whether a proxy stands before it',
        'orders at shop/orders (sidecar): NotTranslatable [batch] rule batch: Istio has no words for a regular expression for the path; a regular expression for the path of a rule before it, so inside the mesh nobody is admitted by it, and what it may refuse is refused',
        "orders at shop/orders (sidecar): PartlyAtEdge all rules: the gateway alone decides by a regular expression for the path; a regular expression for the path of a rule before it; the mesh checks all else, of the gateway's identity",
      ],
      findings: [
        'AuthPolicy orders spec.authorize: NotTranslatable: at Service shop/orders, rule batch: Istio has no words for a regular expression for the path; a regular expression for the path of a rule before it, so inside the mesh nobody is admitted by it, and what it may refuse is refused',
      ],
    });
  });

  test.each<[string, object, object]>([
    ['query parameters', { queryParams: [{ name: 'v', value: '1' }] }, {}],
    [
      'a regular expression for the path of a rule before it',
      {},
      { path: { type: 'RegularExpression', value: '/v.*' } },
    ],
  ])('that deny callers by name where a Route asks for %s', (about, match, before) => {
    const rules = [
      ...(Object.keys(before).length === 0
        ? []
        : [{ matches: [before], backendRefs: [backendRef({ name: 'other' })] }]),
      { name: 'all', matches: [match], backendRefs: [backendRef()] },
    ];
    const deny = [
      { name: 'mallory', from: [{ serviceAccounts: ['billing/mallory'] }] },
      // Of nobody inside the mesh.
      { name: 'far', from: [{ namespaces: ['billing'], remoteIpBlocks: ['10.0.0.0/8'] }] },
    ];
    const found = seen(inMesh(), orders, route({ rules }), policy({ allow: [{ name: 'anyone' }], deny }), pod('a'));
    expect(found.workloads['shop/orders']?.deny).toEqual(['orders:80 principal: cluster.local/ns/billing/sa/mallory']);
    const said = `Istio has no words for ${about}, so inside the mesh nobody is admitted by it, and what it may refuse is refused`;
    expect(found.reports).toContain(`orders at shop/orders (sidecar): NotTranslatable [mallory] rule mallory: ${said}`);
    expect(found.findings).toEqual([
      `AuthPolicy orders spec.authorize: NotTranslatable: at Service shop/orders, rule mallory: ${said}`,
    ]);
  });

  test.each<[string, object, object, readonly KubeObject[]]>([
    ['paths', { path: { value: '/jobs' } }, {}, []],
    ['methods', { method: 'POST' }, {}, []],
    ['header x-team', { headers: [{ name: 'x-team', value: 'red' }] }, {}, []],
    ['paths', {}, { path: { value: '/private' } }, []],
    [
      'methods',
      {},
      {},
      [
        authPolicy(
          { targetRefs: [gatewayTarget()], authorize: { allow: [{ name: 'reads', to: [{ methods: ['GET'] }] }] } },
          { name: 'outer' },
        ),
      ],
    ],
  ])('that name callers where ztunnel would have to see %s', (about, match, before, more) => {
    const rules = [
      ...(Object.keys(before).length === 0
        ? []
        : [{ matches: [before], backendRefs: [backendRef({ name: 'other' })] }]),
      { name: 'all', matches: [match], backendRefs: [backendRef()] },
    ];
    const deny = [{ name: 'mallory', from: [{ serviceAccounts: ['billing/mallory'] }] }];
    const world = (mesh: object) => {
      const snapshot = snapshotOf([
        meshConfig(),
        inMesh({ mode: 'Ambient', ...mesh }),
        orders,
        route({ rules }),
        ...more,
        policy({ allow: [batch, { name: 'anyone' }], deny }),
      ]);
      const found = resolver()(snapshot).mesh;
      const [report] = (found.reports.get('shop/orders') ?? []).filter(({ reason }) => reason === 'NotObservable');
      return { report, allow: told(found)['shop/orders']?.allow };
    };
    const { report, allow } = world({});
    expect(allow).toEqual(['orders:80 principal: cluster.local/ns/shop/sa/edge-edge']);
    expect(report).toMatchObject({
      // A deny on a Route binds whatever a policy of the gateway says.
      rules: more.length === 0 ? ['batch', 'mallory'] : ['batch'],
      message: expect.stringContaining(`no proxy of the mesh sees ${about} (asked by its Route or another rule), so`),
      remedy:
        'Put a waypoint before the workload (spec.mesh.waypoint of the ApiGateway), or name the callers by their identity alone in a policy on the Service',
    });
    const behind = world({ waypoint: { name: 'waypoint' } });
    expect(behind.report).toBeUndefined();
    expect(behind.allow?.some((line) => line.includes('ns/billing/sa/batch'))).toBe(true);
  });

  test('that name callers under a path, where the mesh normalises less', () => {
    const config = meshConfig('pathNormalization: {normalization: BASE}');
    const jobs = route({
      rules: [{ name: 'jobs', matches: [{ path: { value: '/jobs' } }], backendRefs: [backendRef()] }],
    });
    expect(seen(config, inMesh(), orders, jobs, policy({ allow: [batch] }), pod('a'))).toEqual({
      workloads: { 'shop/orders': { closed: 'orders:80→80', allow: [] } },
      reports: [
        expect.stringMatching(/^orders at .*: NormalizationMismatch \[batch\] rule batch: the mesh normalises/),
      ],
      findings: [expect.stringMatching(/^AuthPolicy orders spec.authorize: NormalizationMismatch: .* rule batch: /)],
    });
  });

  test('that name callers under what the gateway changes', () => {
    const rules = [
      {
        name: 'one',
        matches: [{ path: { type: 'Exact', value: '/jobs' } }],
        rewrite: { path: { type: 'ReplaceFullPath', value: '/fixed' } },
        backendRefs: [backendRef()],
      },
    ];
    const found = seen(inMesh(), orders, route({ rules }), policy({ allow: [batch] }), pod('a'));
    expect([found.workloads['shop/orders']?.allow, found.reports]).toEqual([
      [],
      [
        expect.stringMatching(
          /NotTranslatable \[batch\] rule batch: Istio has no words for paths, changed on the way \(/,
        ),
        expect.stringMatching(/PartlyAtEdge/),
      ],
    ]);
  });

  test('of an issuer that has two sets of keys', () => {
    const other = corpJwks.replace('"kid":"a"', '"kid":"b"');
    const two = [
      policy(
        { allow: [{ ...batch, when: [{ claim: 'scope', values: ['x'] }] }, { name: 'users' }] },
        { authenticate: { jwt: [jwt()] } },
      ),
      authPolicy(
        { targetRefs: [routeTarget('second')], authenticate: { jwt: [jwt({ jwks: { inline: other } })] } },
        { name: 'second' },
      ),
    ];
    const second = route(
      { rules: [{ matches: [{ path: { value: '/second' } }], backendRefs: [backendRef()] }] },
      { name: 'second' },
    );
    expect(seen(inMesh(), orders, route(), second, ...two, pod('a')).reports).toEqual([
      'orders at shop/orders (sidecar): NotTranslatable [batch] rule batch: Istio has no words for an issuer that has several sets of keys here, so inside the mesh nobody is admitted by it, and what it may refuse is refused',
      "orders at shop/orders (sidecar): PartlyAtEdge [users] rule users: the gateway alone decides by an issuer that has several sets of keys here; the mesh checks all else, of the gateway's identity",
      "second at shop/orders (sidecar): PartlyAtEdge [anyone] rule anyone: the gateway alone decides by an issuer that has several sets of keys here; the mesh checks all else, of the gateway's identity",
    ]);
  });

  test('of mode Shadow', () => {
    const counted = policy({ allow: [{ name: 'get', to: [{ methods: ['GET'] }] }] }, { mode: 'Shadow' });
    const { mesh } = resolver()(snapshotOf([inMesh(), orders, route(), counted, authPolicy({}, { name: 'open' })]));
    expect([
      told(mesh),
      [...mesh.workloads.values()].map(({ shadow }) => shadow?.allow.length),
      toldReports(mesh),
    ]).toEqual([
      { 'shop/orders': { closed: 'orders:80→80', allow: ['orders:80 principal: cluster.local/ns/shop/sa/edge-edge'] } },
      [1],
      [
        'open at shop/orders (sidecar): NotEnrolled no Pod of Service shop/orders is known, so nobody knows whether a proxy stands before it',
        'orders at shop/orders (sidecar): NotEnrolled no Pod of Service shop/orders is known, so nobody knows whether a proxy stands before it',
        'orders at shop/orders (sidecar): Shadow it is in mode Shadow: what it would refuse is counted (istio.io/dry-run)',
      ],
    ]);
  });

  test('of mode Shadow, where nothing closes', () => {
    const alone = authPolicy({ mode: 'Shadow', targetRefs: [serviceTarget] });
    const said = (namespace: string) =>
      `orders at ${namespace}/orders (sidecar): Shadow it is in mode Shadow, and neither a Route nor a policy in force closes a port of Service ${namespace}/orders, so nothing is counted there`;
    expect(seen(inMesh(), orders, alone)).toEqual({ workloads: {}, reports: [said('shop')], findings: [] });
    const bank = { namespace: 'bank' };
    const there = [
      service({ selector: { app: 'orders' } }, bank),
      route({ rules: [{ name: 'all', backendRefs: [backendRef(bank)] }] }),
      authPolicy({ mode: 'Shadow', targetRefs: [serviceTarget] }, bank),
      referenceGrant('shop', bank),
    ];
    expect(seen(inMesh({}), ...there, gateway({ mesh: { mode: 'Sidecar' }, defaultAccess: 'Public' })).reports).toEqual(
      [said('bank')],
    );
  });

  test('of mode Shadow, and too many', () => {
    const product = (name: string) => ({
      allow: Array.from({ length: 30 }, (_, index) => ({ when: [{ header: `x-${name}-${index}`, values: ['1'] }] })),
    });
    const counted = authPolicy(
      { mode: 'Shadow', targetRefs: [serviceTarget], authorize: product('b') },
      { name: 'counted' },
    );
    const { reports } = seen(inMesh(), orders, route(), policy(product('a')), counted, pod('a'));
    expect(reports).toEqual([
      'counted at shop/orders (sidecar): Shadow it is in mode Shadow, but with it the rules come to more than 512 conjunctions, or more than an object of Istio holds: nothing is counted',
      'orders at shop/orders (sidecar): Full',
    ]);
  });
});
