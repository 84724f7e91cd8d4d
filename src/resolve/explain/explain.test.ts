import { describe, expect, test } from '@jest/globals';
import {
  authPolicy,
  backendRef,
  gateway,
  rateLimitPolicy,
  route,
  routeTarget,
  service,
  serviceTarget,
  snapshotOf,
} from '../../testing/build.ts';
import { resolver } from '../resolve.ts';
import { explain } from './explain.ts';
import type { ExplainRequest, Explanation, TokenFacts } from './types.ts';

type Objects = Parameters<typeof snapshotOf>[0];

/** Asks the one gateway. */
function ask(objects: Objects, line: string, more: Partial<ExplainRequest> = {}): Explanation {
  const [method = '', url = ''] = line.split(' ');
  const [edge] = resolver()(snapshotOf(objects)).gateways.values();
  if (edge === undefined) throw new Error('the test has no gateway');
  return explain(edge, { method, url, headers: [], clientAddress: '192.0.2.1', ...more });
}

/** `403`, `302 http://…`, `-> orders /path host`, or `no connection`. */
function short({ outcome }: Explanation): string {
  switch (outcome.kind) {
    case 'no-listener':
      return 'no connection';
    case 'redirect':
      return `${outcome.status} ${outcome.location}`;
    case 'forward':
      return `-> ${outcome.backends.map(({ backend }) => backend?.service ?? '500').join('|')} ${outcome.path} ${outcome.host}`;
    case 'refused':
    case 'respond':
      return String(outcome.status);
  }
}

const open = gateway({ defaultAccess: 'Public' });
const to = (name: string) => ({ backendRefs: [{ name, port: 80 }] });
const services = ['orders', 'a', 'b', 'c'].map((name) => service({}, { name }));

describe('matches', () => {
  const rules = [
    { name: 'role', matches: [{ headers: [{ name: 'X-Role', value: 'admin' }] }], ...to('a') },
    { name: 'agent', matches: [{ headers: [{ name: 'user-agent', value: 'x,y' }] }], ...to('b') },
    { name: 'query', matches: [{ queryParams: [{ name: 'v', value: 'b%20c' }] }], ...to('c') },
    { name: 'all', ...to('orders') },
  ];
  const objects = [open, ...services, route({ rules })];
  const served = (url: string, headers: ExplainRequest['headers'] = []) =>
    ask(objects, `GET http://h.test${url}`, { headers }).route?.rule;

  test.each<readonly [string, ExplainRequest['headers'], string]>([
    [
      'any line of a header may match',
      [
        ['x-role', 'user'],
        ['X-ROLE', ' admin '],
      ],
      'role',
    ],
    [
      'lines are not joined',
      [
        ['x-role', 'ad'],
        ['x-role', 'min'],
      ],
      'all',
    ],
    [
      'lines of a header that Envoy knows are joined',
      [
        ['user-agent', 'x'],
        ['User-Agent', 'y'],
      ],
      'agent',
    ],
    ['so one line of them does not match', [['user-agent', 'x']], 'all'],
  ])('%s', (_, headers, rule) => expect(served('/', headers)).toBe(rule));

  test.each([
    ['/?v=b%20c', 'query'],
    ['/?v=b+c', 'all'],
    ['/?%76=b%20c', 'all'],
    ['/?V=b%20c', 'all'],
    ['/?w&v=b%20c&v=x', 'query'],
    ['/?v=x&v=b%20c', 'all'],
    ['/?w=1;v=b%20c', 'all'],
  ])('a query parameter is compared as it is written, the first of its name: %s', (url, rule) => {
    expect(served(url)).toBe(rule);
  });
});

describe('hosts', () => {
  const listeners = [
    { name: 'any', port: 80, protocol: 'HTTP' },
    { name: 'wild', port: 80, protocol: 'HTTP', hostname: '*.example.com' },
  ];
  const objects = [
    gateway({ listeners, defaultAccess: 'Public' }),
    ...services,
    route({ hostnames: ['shop.example.com', '*.example.com'], rules: [{ name: 'all', ...to('orders') }] }),
  ];

  test.each([
    ['http://SHOP.example.com:80/', 'shop.example.com'],
    ['http://a.b.example.com/', '*.example.com'],
    ['http://example.com/', '*'],
    ['http://[::1]:80/', '*'],
  ])('%s', (url, host) => expect(ask(objects, `GET ${url}`, { listenerPort: 80 }).host).toBe(host));

  test('a Host line takes the place of the URL’s host', () => {
    const explanation = ask(objects, 'GET http://other.test/', { headers: [['Host', 'shop.example.com']] });
    expect(short(explanation)).toBe('-> orders / shop.example.com');
  });

  test('a host or path that no rule takes is not found, guarded or not', () => {
    expect(short(ask(objects, 'GET http://example.com/'))).toBe('404');
  });

  test.each([
    ['a port without listener', 'GET http://shop.example.com:81/'],
    ['TLS towards a plain port', 'GET https://shop.example.com:80/'],
  ])('%s', (_, line) => expect(short(ask(objects, line))).toBe('no connection'));
});

describe('before routing', () => {
  const objects = [open, ...services, route({ rules: [{ name: 'all', ...to('orders') }] })];

  test.each<readonly [string, string, ExplainRequest['headers'], string]>([
    ['path parameters', 'GET http://h.test/a;b', [], '400'],
    ['escaped ones, too', 'GET http://h.test/a%3Bb', [], '400'],
    ['but not in a query', 'GET http://h.test/a?b;c', [], '-> orders /a?b;c h.test'],
    ['a header name with an underscore', 'GET http://h.test/', [['x_role', 'a']], '400'],
    ['a control character in a header', 'GET http://h.test/', [['x-role', 'a\u0000b']], '400'],
    ['a method in lower case', 'get http://h.test/', [], '400'],
    ['a host that is none', 'GET http://h.test/', [['host', 'a b']], '400'],
    ['no host', 'GET http://h.test/', [['host', '']], '400'],
    ['an escaped slash', 'GET http://h.test/a%2fb?c', [], '307 /a/b?c'],
    ['dots', 'GET http://h.test/a/../b?c', [], '-> orders /b?c h.test'],
  ])('%s', (_, line, headers, expected) => expect(short(ask(objects, line, { headers }))).toBe(expected));
});

describe('answers', () => {
  const answer = (rule: object, url: string, more: Partial<ExplainRequest> = {}, spec: object = {}) => {
    const matches = [{ path: { type: 'PathPrefix', value: '/old' } }];
    const edge = gateway({ defaultAccess: 'Public', ...spec });
    return short(ask([edge, ...services, route({ rules: [{ name: 'all', matches, ...rule }] })], `GET ${url}`, more));
  };
  const prefix = (value: string) => ({ path: { type: 'ReplacePrefixMatch', value } });
  const full = (value: string) => ({ path: { type: 'ReplaceFullPath', value } });

  test.each<readonly [string, object, string, string]>([
    ['its own scheme, host and port', {}, 'http://h.test/old?q', '302 http://h.test/old?q'],
    ['a mapped port becomes the listener’s', {}, 'http://h.test:10080/old', '302 http://h.test:80/old'],
    ['to https', { scheme: 'https', statusCode: 301 }, 'http://h.test/old', '301 https://h.test/old'],
    ['to https from a port', { scheme: 'https' }, 'http://h.test:80/old', '302 https://h.test:443/old'],
    ['to a host', { hostname: 'new.test' }, 'http://h.test:10080/old', '302 http://new.test/old'],
    ['to a port', { port: 8443, scheme: 'https' }, 'http://h.test:80/old', '302 https://h.test:8443/old'],
    ['to a port of an address', { port: 81 }, 'http://[::1]:80/old', '302 http://[::1]:81/old'],
    ['another prefix', prefix('/new'), 'http://h.test/old/a?q', '302 http://h.test/new/a?q'],
    ['no prefix', prefix('/'), 'http://h.test/old/a?q', '302 http://h.test/a?q'],
    ['no prefix and nothing behind it', prefix('/'), 'http://h.test/old?q', '302 http://h.test/?q'],
    ['another path', full('/new$1'), 'http://h.test/old/a?q', '302 http://h.test/new$1?q'],
  ])('redirect: %s', (_, redirect, url, expected) => {
    expect(answer({ redirect }, url, { listenerPort: 80 })).toBe(expected);
  });

  test('a trusted proxy says which scheme the client used, and nobody else', () => {
    const headers = [['x-forwarded-proto', 'https']] as const;
    const redirect = { hostname: 'new.test', port: 81 };
    expect(answer({ redirect }, 'http://h.test/old', { headers })).toBe('302 http://new.test:81/old');
    expect(answer({ redirect }, 'http://h.test/old', { headers }, { clientIP: { trustedHops: 1 } })).toBe(
      '302 https://new.test:81/old',
    );
  });

  test.each<readonly [string, object, string]>([
    ['the rule answers', { respond: { status: 418 } }, '418'],
    [
      'rewritten host and prefix',
      { ...to('a'), rewrite: { hostname: 'in.test', ...prefix('/v2') } },
      '-> a /v2/x?q in.test',
    ],
    ['rewritten path', { ...to('a'), rewrite: full('/all') }, '-> a /all?q h.test'],
    [
      'shares, one of which is lost',
      {
        backendRefs: [
          { name: 'a', port: 80 },
          { name: 'gone', port: 80 },
        ],
      },
      '-> a|500 /old/x?q h.test',
    ],
    ['no backend at all', { backendRefs: [] }, '500'],
    ['only lost ones', to('gone'), '500'],
    ['a weight of 0', { backendRefs: [{ name: 'a', port: 80, weight: 0 }] }, '500'],
  ])('%s', (_, rule, expected) => expect(answer(rule, 'http://h.test/old/x?q')).toBe(expected));
});

describe('policies', () => {
  const jwks = (x: string) => JSON.stringify({ keys: [{ kty: 'OKP', crv: 'Ed25519', x }] });
  const [corpKeys, otherKeys] = [
    '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
    'PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw',
  ].map((x) => jwks(x));
  const corp = { jwt: [{ name: 'corp', issuer: 'https://corp', jwks: { inline: corpKeys } }] };
  const other = { jwt: [{ name: 'other', issuer: 'https://other', jwks: { inline: otherKeys } }] };
  const rules = ['guarded', 'public'].map((name) => ({
    name,
    matches: [{ path: { value: `/${name}` } }],
    ...to('orders'),
  }));
  const on = (sectionName: string) => ({ targetRefs: [{ ...routeTarget(), sectionName }] });
  const readers = { allow: [{ name: 'readers', when: [{ claim: 'scope', values: ['read'] }] }] };
  const objects = [
    gateway(),
    ...services,
    route({ rules }),
    authPolicy({ ...on('guarded'), authenticate: corp, authorize: readers }, { name: 'guarded' }),
    authPolicy(on('public'), { name: 'public' }),
    authPolicy({ ...on('public'), mode: 'Shadow', authenticate: other }, { name: 'dry' }),
  ];
  const idOf = (issuer: string) => {
    const [edge] = resolver()(snapshotOf(objects)).gateways.values();
    return edge?.chains[0]?.uses.issuers.find((one) => one.issuer === issuer)?.id ?? '';
  };
  const valid = (issuer: string, claims: object): TokenFacts => ({
    kind: 'valid',
    issuerIds: [idOf(issuer)],
    claims: { iss: issuer, ...claims },
  });
  const refused = (issuer: string): TokenFacts => ({ kind: 'refused', issuer, reason: 'it has expired (exp)' });

  test.each<readonly [string, TokenFacts | undefined, guarded: string, open: string]>([
    ['no token', undefined, '401', '-> orders'],
    ['no JWT', { kind: 'unknown' }, '401', '-> orders'],
    ['another issuer', valid('https://other', {}), '401', '-> orders'],
    ['one that fails', refused('https://corp'), '401', '401'],
    ['one that fails, of an issuer in Shadow only', refused('https://other'), '401', '-> orders'],
    ['without the claim', valid('https://corp', {}), '403', '-> orders'],
    ['with the claim', valid('https://corp', { scope: 'write read' }), '-> orders', '-> orders'],
  ])('%s', (_, token, guarded, open) => {
    const more = token === undefined ? {} : { token };
    const answers = ['guarded', 'public'].map((name) => short(ask(objects, `GET http://h.test/${name}`, more)));
    expect(answers.map((answer) => answer.replace(/ \/.*/, ''))).toEqual([guarded, open]);
  });

  test('a bad token is refused also where nobody answers', () => {
    const nowhere = (token: TokenFacts) => ask(objects, 'GET http://h.test/nowhere', { token });
    expect(short(nowhere(valid('https://corp', {})))).toBe('404');
    expect(short(nowhere(refused('https://other')))).toBe('404');
    const { outcome, steps } = nowhere(refused('https://corp'));
    expect(outcome).toMatchObject({ kind: 'refused', status: 401 });
    expect(steps.slice(-2).map(({ stage, passed }) => [stage, passed])).toEqual([
      ['route', true],
      ['token', false],
    ]);
  });

  test('says which rule admitted, which refused and what it needed', () => {
    const admitted = ask(objects, 'GET http://h.test/guarded', { token: valid('https://corp', { scope: 'read' }) });
    expect(admitted.decidedBy).toMatchObject([{ policy: { name: 'guarded' }, rule: 'readers' }]);
    const { steps } = ask(objects, 'GET http://h.test/guarded', { token: valid('https://corp', { scope: 'x' }) });
    expect(steps.at(-1)).toMatchObject({
      passed: false,
      text: 'AuthPolicy shop/guarded does not allow it',
      details: ['rule readers needs the claim scope to be read'],
    });
  });

  test('a Shadow policy is heard and not obeyed', () => {
    const { outcome, shadow } = ask(objects, 'GET http://h.test/public');
    expect(outcome.kind).toBe('forward');
    expect(shadow).toMatchObject({ admitted: false, policies: [{ name: 'dry' }] });
  });

  test('of several policies, the one that refuses is named', () => {
    const outer = authPolicy(
      {
        targetRefs: [{ kind: 'ApiGateway', name: 'edge' }],
        authorize: { deny: [{ name: 'blocked', from: [{ remoteIpBlocks: ['203.0.113.0/24'] }] }] },
      },
      { name: 'outer' },
    );
    const behind = gateway({ clientIP: { trustedHops: 1 } });
    const all = [behind, ...objects.slice(1), outer];
    const headers = [['x-forwarded-for', '203.0.113.9']] as const;
    const explanation = ask(all, 'GET http://h.test/public', { headers });
    expect(explanation).toMatchObject({
      outcome: { status: 403, reason: 'AuthPolicy shop/outer denies it: deny rule blocked' },
      decidedBy: [{ policy: { name: 'outer' }, rule: 'blocked' }],
    });
    expect(short(ask(all, 'GET http://h.test/public'))).toBe('-> orders /public h.test');
  });

  test('whoever comes from outside is nobody inside the mesh', () => {
    const inside = authPolicy({
      ...on('guarded'),
      authorize: {
        allow: [
          { name: 'batch', from: [{ serviceAccounts: ['billing/batch'], notNamespaces: ['sandbox'] }] },
          { name: 'writers', from: [{ notNamespaces: ['sandbox'] }], to: [{ methods: ['POST'] }] },
        ],
        deny: [{ from: [{ principals: ['*'] }] }],
      },
    });
    const all = [gateway(), ...services, route({ rules }), inside];
    expect(ask(all, 'POST http://h.test/guarded').decidedBy).toMatchObject([{ rule: 'writers' }]);
    expect(ask(all, 'GET http://h.test/guarded').steps.at(-1)?.details).toEqual([
      'rule writers needs the method to be POST',
      "rule batch needs the caller's service account to be billing/batch",
    ]);
  });

  test('policies of the Services behind the rule are asked last', () => {
    const behind = authPolicy(
      { targetRefs: [serviceTarget('b')], authorize: { allow: [{ name: 'posting', to: [{ methods: ['POST'] }] }] } },
      { name: 'behind' },
    );
    const rule = { name: 'all', backendRefs: [backendRef({ name: 'a' }), backendRef({ name: 'b' })] };
    const both = [gateway(), service({}, { name: 'a' }), service({}, { name: 'b' }), route({ rules: [rule] }), behind];
    expect(ask(both, 'POST http://h.test/').steps.slice(-2)).toMatchObject([
      {
        passed: true,
        text: 'AuthPolicy shop/behind allows it: rule posting (but does not cover the rule: another Service of the rule has none that does)',
      },
      { passed: false, text: expect.stringContaining('no AuthPolicy covers the rule') },
    ]);
    expect(ask([...both, authPolicy()], 'GET http://h.test/').outcome).toMatchObject({
      status: 403,
      reason: 'AuthPolicy shop/behind does not allow it',
    });
  });

  test('what nobody covers is refused, and says so', () => {
    const { outcome } = ask([gateway(), ...services, route()], 'GET http://h.test/');
    expect(outcome).toMatchObject({ status: 403, reason: expect.stringContaining('no AuthPolicy covers the rule') });
  });

  test('a broken policy answers 500 before anybody is asked for a token', () => {
    const broken = authPolicy({
      ...on('guarded'),
      authenticate: { jwt: [{ ...corp.jwt[0], jwks: { inline: '{}' } }] },
    });
    const all = [gateway(), ...services, route({ rules }), broken];
    expect(short(ask(all, 'GET http://h.test/guarded', { token: refused('https://corp') }))).toBe('500');
  });

  test('limits are named with the key that counts the request', () => {
    const limits = [
      { name: 'each', requests: 5, per: 'Minute', by: [{ claim: 'sub' }, { header: 'x-team' }, { clientIP: true }] },
    ];
    const all = [...objects, rateLimitPolicy({ ...on('guarded'), limits })];
    const token = valid('https://corp', { scope: 'read', sub: 'alice' });
    const { limits: applied } = ask(all, 'GET http://h.test/guarded', { token, headers: [['x-team', 'shop']] });
    expect(applied).toMatchObject([{ name: 'each', requests: 5, seconds: 60 }]);
    expect(applied[0]?.keys.map(({ value }) => value)).toEqual(['alice', 'shop', '192.0.2.1']);
  });
});
