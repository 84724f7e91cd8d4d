import { describe, expect, test } from '@jest/globals';
import type { Condition, Operation, Rule, SecurityObject, Source } from '../istio/security.ts';
import { decideInMesh, type EnforcementPoint, type MeshRequest, type MeshVerdict } from './istio.ts';

const app = { app: 'orders' };
const edge = 'cluster.local/ns/gateways/sa/edge';

const usual: MeshRequest = {
  namespace: 'shop',
  labels: app,
  services: ['orders'],
  port: 8080,
  principal: edge,
  method: 'GET',
  path: '/orders/7?x=1#y',
  host: 'Api.example.com:8443',
  headers: new Map([
    ['x-team', ['red', 'blue']],
    ['x-empty', ['']],
  ]),
  token: {
    issuer: 'https://a',
    claims: {
      sub: 'alice',
      aud: ['orders'],
      azp: 'web',
      scope: 'read write',
      roles: ['r1'],
      realm: { team: 'x' },
      age: 7,
    },
  },
  directIp: '10.0.0.1',
  remoteIp: '203.0.113.9',
  localIp: '10.1.1.1',
};

const selector = { matchLabels: app };

function policy(
  spec: object,
  more: { readonly namespace?: string; readonly annotations?: Record<string, string>; readonly kind?: string } = {},
) {
  const { namespace = 'shop', annotations, kind = 'AuthorizationPolicy' } = more;
  const metadata = { name: 'p', namespace, ...(annotations && { annotations }) };
  return { apiVersion: 'security.istio.io/v1', kind, metadata, spec } as SecurityObject;
}

const verifier = policy({ selector, jwtRules: [{ issuer: 'https://a' }] }, { kind: 'RequestAuthentication' });

function decide(
  objects: readonly SecurityObject[],
  more: Partial<MeshRequest> = {},
  point: EnforcementPoint = 'sidecar',
) {
  return decideInMesh(objects, point, { ...usual, ...more });
}

function answer(
  objects: readonly SecurityObject[],
  more: Partial<MeshRequest> = {},
  point: EnforcementPoint = 'sidecar',
) {
  const { status, because }: MeshVerdict = decide(objects, more, point);
  return `${status} ${because}`;
}

/** Whether the one rule of an ALLOW matches, and of a DENY. */
function matches(rule: Rule, more: Partial<MeshRequest> = {}, point: EnforcementPoint = 'sidecar') {
  const targets =
    point === 'waypoint' ? { targetRefs: [{ group: '', kind: 'Service', name: 'orders' }] } : { selector };
  const tokens = policy({ ...targets, jwtRules: [{ issuer: 'https://a' }] }, { kind: 'RequestAuthentication' });
  const allows = decide([tokens, policy({ ...targets, rules: [rule] })], more, point).admitted;
  const denies = !decide([tokens, policy({ ...targets, action: 'DENY', rules: [rule] })], more, point).admitted;
  return { allows, denies };
}

const both = { allows: true, denies: true };
const neither = { allows: false, denies: false };

describe('the order of what decides', () => {
  const all = policy({ rules: [{}] });
  const nobody = policy({});
  const denyAll = policy({ action: 'DENY', rules: [{}] });
  const bad = { token: 'bad' } as const;
  test.each<[string, readonly SecurityObject[], Partial<MeshRequest>, string]>([
    ['no ALLOW admits', [], {}, '200 unprotected'],
    ['an ALLOW without rules admits nobody', [nobody], {}, '403 not-allowed'],
    ['an empty rule is everything', [all], {}, '200 allowed'],
    ['any ALLOW will do', [nobody, all], {}, '200 allowed'],
    ['DENY is before ALLOW', [all, denyAll], {}, '403 denied'],
    ['a token is looked at before', [verifier, denyAll], bad, '401 bad-token'],
    ['AUDIT decides nothing', [policy({ action: 'AUDIT', rules: [{}] })], {}, '200 unprotected'],
  ])('%s', (_, objects, more, expected) => expect(answer(objects, more)).toBe(expected));

  test('a dry run decides nothing, and is told apart', () => {
    const dry = policy({ action: 'DENY', rules: [{}] }, { annotations: { 'istio.io/dry-run': 'true' } });
    expect(decide([dry, all])).toMatchObject({
      admitted: true,
      because: 'allowed',
      dryRun: { admitted: false, by: { rule: 0 } },
    });
    expect(
      decide([policy({ action: 'DENY', rules: [{}] }, { annotations: { 'istio.io/dry-run': 'maybe' } })]),
    ).toMatchObject({ admitted: false });
  });

  test('CUSTOM is asked before tokens, of whom it sees nothing; two authorizers refuse', () => {
    const custom = (name: string, rule: Rule) => policy({ action: 'CUSTOM', provider: { name }, rules: [rule] });
    const byClaim = { when: [{ key: 'request.auth.claims[sub]', values: ['alice'] }] };
    expect(decide([verifier, custom('x', {}), all])).toMatchObject({ admitted: true, asks: { rule: 0 } });
    expect(decide([verifier, custom('x', byClaim), all])).not.toHaveProperty('asks');
    expect(answer([custom('x', {}), custom('y', byClaim), all])).toBe('403 several-authorizers');
  });

  test('a rule is some from, some to and every when; values and notValues are both held', () => {
    const rule: Rule = {
      from: [{ source: { principals: ['x'] } }, { source: { principals: [edge] } }],
      to: [{ operation: { methods: ['POST'] } }, { operation: { methods: ['GET'], notPaths: ['/admin'] } }],
      when: [{ key: 'request.headers[x-team]', values: ['red'], notValues: ['green'] }],
    };
    expect(matches(rule)).toEqual(both);
    expect(matches(rule, { path: '/admin' })).toEqual(neither);
    expect(matches(rule, { headers: new Map([['x-team', ['red', 'green']]]) })).toEqual(neither);
    expect(decide([policy({ rules: [{ to: [{ operation: { methods: ['PUT'] } }] }, rule] })]).by).toEqual({
      policy: { kind: 'AuthorizationPolicy', namespace: 'shop', name: 'p' },
      rule: 1,
    });
  });

  test('an unknown key drops the rule; an unreadable value the rule of an ALLOW, and of a DENY only itself', () => {
    expect(matches({ when: [{ key: 'request.body', values: ['x'] }] })).toEqual(neither);
    expect(matches({ to: [{ operation: { ports: ['x', '8080'] } }] })).toEqual({ allows: false, denies: true });
    expect(matches({ to: [{ operation: { ports: ['x'], methods: ['GET'] } }] })).toEqual({
      allows: false,
      denies: true,
    });
    expect(matches({ to: [{ operation: { ports: ['x'], methods: ['PUT'] } }] })).toEqual(neither);
    expect(matches({ when: [{ key: 'source.ip', values: ['10.0.0.0/99'] }] })).toEqual({ allows: false, denies: true });
  });
});

describe('fields', () => {
  test.each<[keyof Source, readonly string[], boolean]>([
    ['principals', [edge], true],
    ['principals', ['cluster.local/ns/gateways/*'], true],
    ['principals', ['*/sa/edge'], true],
    ['principals', ['*'], true],
    ['principals', ['cluster.local/*/sa/edge'], false],
    ['principals', ['Cluster.local/ns/gateways/sa/edge'], false],
    ['notPrincipals', [edge], false],
    ['namespaces', ['gateways'], true],
    ['namespaces', ['gate*s'], true],
    ['namespaces', ['gate'], false],
    ['serviceAccounts', ['gateways/edge'], true],
    ['serviceAccounts', ['edge'], false],
    ['serviceAccounts', ['gateways/ed.e'], false],
    ['ipBlocks', ['10.0.0.0/8'], true],
    ['ipBlocks', ['203.0.113.9'], false],
    ['remoteIpBlocks', ['203.0.113.0/24'], true],
    ['requestPrincipals', ['https://a/alice'], true],
    ['requestPrincipals', ['https://a/*'], true],
    ['requestPrincipals', ['*/alice'], true],
    ['requestPrincipals', ['*'], true],
    ['requestPrincipals', ['https://b/*'], false],
    ['requestPrincipals', ['https://a/ali*'], true],
    ['requestPrincipals', ['*ice'], true],
  ])('from %s %j: %s', (field, values, expected) => {
    expect(matches({ from: [{ source: { [field]: values } }] }).allows).toBe(expected);
  });

  test.each<[Source]>([
    [{ notPrincipals: ['*'] }],
    [{ notNamespaces: ['gateways'] }],
    [{ notRequestPrincipals: ['*'] }],
  ])('who is nobody is not refused by %j (ISTIO-SECURITY-2021-004)', (source) => {
    const { principal: _, token: _token, ...anonymous } = usual;
    const rule = { from: [{ source }] };
    expect(decideInMesh([policy({ selector, rules: [rule] })], 'sidecar', anonymous).admitted).toBe(true);
  });

  test.each<[Operation, boolean]>([
    [{ hosts: ['api.example.com'] }, false],
    [{ hosts: ['api.example.com:*'] }, true],
    [{ hosts: ['API.EXAMPLE.COM:8443'] }, true],
    [{ hosts: ['*.example.com'] }, false],
    [{ hosts: ['*'] }, true],
    [{ notHosts: ['api.*'] }, false],
    [{ methods: ['get'] }, false],
    [{ methods: ['G*'] }, true],
    [{ notMethods: ['GET'] }, false],
    [{ paths: ['/orders/7'] }, true],
    [{ paths: ['/orders'] }, false],
    [{ paths: ['/orders/*'] }, true],
    [{ paths: ['*/7'] }, true],
    [{ paths: ['/ORDERS/*'] }, false],
    [{ paths: ['/orders/{*}'] }, true],
    [{ paths: ['/orders/7/{**}'] }, false],
    [{ paths: ['/{**}'] }, true],
    [{ notPaths: ['/orders/*'] }, false],
    [{ ports: ['8080'] }, true],
    [{ ports: ['80'] }, false],
    [{ notPorts: ['80'] }, true],
  ])('to %j: %s', (operation, expected) => expect(matches({ to: [{ operation }] }).allows).toBe(expected));

  test.each<[Condition, boolean]>([
    [{ key: 'request.headers[X-Team]', values: ['blue'] }, true],
    [{ key: 'request.headers[x-team]', values: ['Red'] }, false],
    [{ key: 'request.headers[x-team]', values: ['r*'] }, true],
    [{ key: 'request.headers[x-empty]', values: ['*'] }, true],
    [{ key: 'request.headers[x-none]', values: ['*'] }, false],
    [{ key: 'request.headers[x-none]', notValues: ['*'] }, true],
    [{ key: 'request.auth.claims[roles]', values: ['r1'] }, true],
    [{ key: 'request.auth.claims[scope]', values: ['write'] }, true],
    [{ key: 'request.auth.claims[scope]', values: ['read write'] }, false],
    [{ key: 'request.auth.claims[realm][team]', values: ['x'] }, true],
    [{ key: 'request.auth.claims[age]', values: ['7'] }, false],
    [{ key: 'request.auth.claims[none]', notValues: ['x'] }, true],
    [{ key: 'request.auth.claims[iss]', values: ['https://a'] }, true],
    [{ key: 'request.auth.audiences', values: ['orders'] }, true],
    [{ key: 'request.auth.presenter', values: ['web'] }, true],
    [{ key: 'request.auth.principal', values: ['https://a/alice'] }, true],
    [{ key: 'source.principal', values: [edge] }, true],
    [{ key: 'source.namespace', values: ['gateways'] }, true],
    [{ key: 'source.serviceAccount', values: ['gateways/edge'] }, true],
    [{ key: 'source.trustDomain', values: ['cluster.local'] }, true],
    [{ key: 'source.trustDomain', values: ['cluster'] }, false],
    [{ key: 'destination.port', values: ['8080'] }, true],
    [{ key: 'destination.ip', values: ['10.1.0.0/16'] }, true],
    [{ key: 'remote.ip', notValues: ['203.0.113.9'] }, false],
  ])('when %j: %s', (condition, expected) => expect(matches({ when: [condition] }).allows).toBe(expected));

  test('aliases of the trust domain count at Envoy, and not at ztunnel', () => {
    const mesh = { trustDomains: ['new.test', 'old.test'] };
    const rule = { from: [{ source: { principals: ['cluster.local/ns/a/sa/b'] } }] };
    const more = { mesh, principal: 'old.test/ns/a/sa/b' };
    expect(matches(rule, more)).toEqual(both);
    expect(matches(rule, more, 'ztunnel')).toEqual(neither);
  });
});

describe('which policy is about whom', () => {
  const shut = (spec: object, namespace?: string) => policy(spec, namespace === undefined ? {} : { namespace });
  const service = { targetRefs: [{ group: '', kind: 'Service', name: 'orders' }] };
  const waypoint = { targetRefs: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'wp' }] };
  const classed = {
    targetRefs: [{ group: 'gateway.networking.k8s.io', kind: 'GatewayClass', name: 'istio-waypoint' }],
  };
  test.each<[string, SecurityObject, readonly EnforcementPoint[]]>([
    ['by selector', shut({ selector }), ['sidecar', 'ztunnel']],
    ['other labels', shut({ selector: { matchLabels: { app: 'x' } } }), []],
    ['of the namespace', shut({}), ['sidecar', 'ztunnel']],
    ['of another namespace', shut({}, 'other'), []],
    ['of the root namespace', shut({}, 'istio-system'), ['sidecar', 'ztunnel']],
    ['of the Service', shut(service), ['waypoint']],
    ['of a Service of another namespace', shut(service, 'istio-system'), []],
    ['of the waypoint', shut(waypoint), ['waypoint']],
    ['of all waypoints', shut(classed, 'istio-system'), ['waypoint']],
    ['of all waypoints, from elsewhere', shut(classed), []],
  ])('%s', (_, object, expected) => {
    const points = ['sidecar', 'waypoint', 'ztunnel'] as const;
    expect(points.filter((point) => !decide([object], { mesh: { waypoint: 'wp' } }, point).admitted)).toEqual(expected);
  });
});

describe('ztunnel', () => {
  const at = (rule: Rule, more: Partial<MeshRequest> = {}) => matches(rule, more, 'ztunnel');
  test.each<[string, Rule, { allows: boolean; denies: boolean }]>([
    ['layer 4 is held', { from: [{ source: { principals: [edge] } }], to: [{ operation: { ports: ['8080'] } }] }, both],
    ['another port', { to: [{ operation: { ports: ['80'] } }] }, neither],
    ['an empty rule is everything', {}, both],
    [
      'an ALLOW rule with layer 7 is left out; of a DENY the rest is enforced',
      { from: [{ source: { principals: [edge] } }], to: [{ operation: { ports: ['8080'], paths: ['/none'] } }] },
      { allows: false, denies: true },
    ],
    [
      'a DENY that is left empty never fires',
      { from: [{ source: { principals: [edge] } }], to: [{ operation: { paths: ['/*'] } }] },
      neither,
    ],
    [
      'nor one with a when of layer 7',
      { from: [{ source: { principals: [edge] } }], when: [{ key: 'request.headers[x]', values: ['y'] }] },
      neither,
    ],
    [
      'a service account in when is layer 7',
      { when: [{ key: 'source.serviceAccount', values: ['gateways/edge'] }] },
      neither,
    ],
    ['and in from layer 4', { from: [{ source: { serviceAccounts: ['gateways/edge'] } }] }, both],
    ['namespaces are compared, not searched', { from: [{ source: { namespaces: ['g*s'] } }] }, neither],
    ['with a wildcard at an end', { from: [{ source: { namespaces: ['gate*'] } }] }, both],
    ['trust domains are lost', { from: [{ source: { principals: [edge], trustDomains: ['other'] } as Source }] }, both],
    [
      'addresses',
      {
        when: [
          { key: 'source.ip', values: ['10.0.0.0/8'] },
          { key: 'destination.ip', values: ['10.1.1.1'] },
        ],
      },
      both,
    ],
  ])('%s', (_, rule, expected) => expect(at(rule)).toEqual(expected));

  test('CUSTOM, dry runs and tokens are nothing to it', () => {
    const dry = policy({ rules: [] }, { annotations: { 'istio.io/dry-run': 'true' } });
    expect(answer([dry, verifier, policy({ action: 'CUSTOM', rules: [{}] })], { token: 'bad' }, 'ztunnel')).toBe(
      '200 unprotected',
    );
  });
});

describe('tokens', () => {
  const rules = (...jwtRules: readonly object[]) => policy({ jwtRules }, { kind: 'RequestAuthentication' });
  const a = { issuer: 'https://a', audiences: ['orders'] };
  const { token: _, ...without } = usual;
  const good = (issuer: string, claims: object = {}) => ({ token: { issuer, claims: { ...claims } } });
  const preflight = new Map([
    ['origin', ['https://x']],
    ['access-control-request-method', ['GET']],
  ]);
  test.each<[string, Partial<MeshRequest>, string]>([
    ['good', good('https://a', { aud: 'orders' }), '200 unprotected'],
    ['the audience as a URL', good('https://a', { aud: ['https://orders/'] }), '200 unprotected'],
    ['another audience', good('https://a', { aud: 'other' }), '403 wrong-audience'],
    ['no audience', good('https://a'), '403 wrong-audience'],
    ['an unknown issuer', good('https://z'), '401 bad-token'],
    ['one that does not verify', { token: 'bad' }, '401 bad-token'],
    ['the other issuer', good('https://b'), '200 unprotected'],
    ['a preflight', { token: 'bad', method: 'OPTIONS', headers: preflight }, '200 unprotected'],
  ])('%s', (_case, more, expected) => expect(answer([rules(a, { issuer: 'https://b' })], more)).toBe(expected));

  test('none passes, and has no claims', () => {
    const byClaim = policy({ rules: [{ when: [{ key: 'request.auth.claims[sub]', values: ['*'] }] }] });
    expect(decideInMesh([rules(a)], 'sidecar', without).status).toBe(200);
    expect(decideInMesh([rules(a), byClaim], 'sidecar', without).status).toBe(403);
  });

  test('of two key sets of one issuer, the one that fits counts', () => {
    const twice = rules({ issuer: 'https://a', jwks: 'one' }, { issuer: 'https://a', jwks: 'two' });
    expect(answer([twice], { token: { issuer: 'https://a', claims: {}, jwks: ['two'] } })).toBe('200 unprotected');
    expect(answer([twice], { token: { issuer: 'https://a', claims: {}, jwks: ['three'] } })).toBe('401 bad-token');
  });

  test('nobody reads them without a RequestAuthentication', () => {
    expect(answer([policy({ rules: [{ when: [{ key: 'request.auth.claims[sub]', values: ['alice'] }] }] })])).toBe(
      '403 not-allowed',
    );
  });
});

describe('plaintext', () => {
  const peer = (spec: object, namespace = 'shop', creationTimestamp?: string) => {
    const made = policy(spec, { namespace, kind: 'PeerAuthentication' });
    return {
      ...made,
      metadata: { ...made.metadata, ...(creationTimestamp && { creationTimestamp }) },
    } as SecurityObject;
  };
  const mtls = (mode: string) => ({ mtls: { mode } });
  const ports = (mode: string, more: object = {}) => ({ selector, portLevelMtls: { 8080: { mode } }, ...more });
  const { principal: _, ...plaintext } = usual;
  test.each<[string, readonly SecurityObject[], boolean]>([
    ['is taken by default', [], true],
    ['strict in the root namespace', [peer(mtls('STRICT'), 'istio-system')], false],
    ['the namespace is narrower', [peer(mtls('STRICT'), 'istio-system'), peer(mtls('PERMISSIVE'))], true],
    ['UNSET inherits', [peer(mtls('STRICT'), 'istio-system'), peer(mtls('UNSET'))], false],
    ['the workload is narrower', [peer(mtls('PERMISSIVE')), peer({ selector, ...mtls('STRICT') })], false],
    ['the port is narrowest', [peer(mtls('STRICT')), peer(ports('PERMISSIVE'))], true],
    ['one port alone', [peer(ports('STRICT', mtls('UNSET')))], false],
    ['another port', [peer({ selector, portLevelMtls: { 80: { mode: 'STRICT' } } })], true],
    ['other labels', [peer({ selector: { matchLabels: { app: 'x' } }, ...mtls('STRICT') })], true],
    ['a selector in the root namespace is ignored', [peer({ selector, ...mtls('STRICT') }, 'istio-system')], true],
    [
      'the oldest wins',
      [peer(mtls('STRICT'), 'shop', '2026-02-01T00:00:00Z'), peer(mtls('PERMISSIVE'), 'shop', '2026-01-01T00:00:00Z')],
      true,
    ],
  ])('%s', (_case, objects, expected) => {
    for (const point of ['sidecar', 'ztunnel'] as const) {
      expect(decideInMesh(objects, point, plaintext).admitted).toBe(expected);
      expect(decideInMesh(objects, point, usual).admitted).toBe(true);
    }
  });

  test('a waypoint is spoken to by mTLS alone', () => {
    expect(decideInMesh([], 'waypoint', plaintext)).toMatchObject({ admitted: false, because: 'plaintext' });
  });

  test('under DISABLE a sidecar knows nobody', () => {
    const named = policy({ rules: [{ from: [{ source: { principals: ['*'] } }] }] });
    expect(answer([named, peer(mtls('DISABLE'))])).toBe('403 not-allowed');
  });
});
