import { describe, expect, test } from '@jest/globals';
import type { AuthorizationPolicy, Rule, SecurityObject } from '../istio/security.ts';
import type { KubeObject } from '../kube/object.ts';
import { resolver } from '../resolve/resolve.ts';
import { authPolicy, gateway, meshConfig, route, routeTarget, service, snapshotOf } from '../testing/build.ts';
import { type Change, proved } from '../testing/mesh/proved.ts';
import { proofWorld } from './world.ts';

const proofOf = (objects: readonly KubeObject[], change: Change) => proved(objects, change, 3000);

const to = (name: string, match: object, more: object = {}) => ({
  name,
  matches: [match],
  backendRefs: [{ name: 'orders', port: 80 }],
  ...more,
});
const under = (value: string, more: object = {}) => ({ path: { value }, ...more });
const like = (value: string, more: object = {}) => ({ path: { type: 'RegularExpression', value }, ...more });
const office = { from: [{ remoteIpBlocks: ['203.0.113.0/24'] }] };

/** On a rule of Route `route`, by the name of the rule. */
const on = (section: string, allow: readonly object[], deny: readonly object[] = [], of = 'orders') => {
  const named = (list: readonly object[], what: string) =>
    list.map((one, index) => ({ name: `${section}-${what}-${index}`, ...one }));
  const rules = { allow: named(allow, 'allow'), ...(deny.length > 0 && { deny: named(deny, 'deny') }) };
  return authPolicy({ targetRefs: [routeTarget(of, section)], authorize: rules }, { name: section });
};
const methods = (...names: readonly string[]) => ({ to: [{ methods: names }] });

/** `admin` is a port that a Route to it has closed as well. */
function shop(hostnames: readonly string[], rules: readonly object[], policies: readonly KubeObject[], mesh = sidecar) {
  const ports = [
    { name: 'http', port: 80, targetPort: 8080 },
    { name: 'admin', port: 81, targetPort: 8081 },
  ];
  const admin = { name: 'admin', matches: [under('/admin')], backendRefs: [{ name: 'orders', port: 81 }] };
  return [
    meshConfig(),
    gateway({ listeners: [{ name: 'web', port: 80, protocol: 'HTTP' }], mesh }),
    service({ selector: { app: 'orders' }, ports }),
    route({ hostnames, rules }),
    route({ hostnames: ['admin.example.net'], rules: [admin] }, { name: 'admin' }),
    on('admin', [methods('GET')], [], 'admin'),
    ...policies,
  ];
}

const sidecar: object = { mode: 'Sidecar' };
const host = ['api.example.com'];
const plain = on('b', [methods('PUT')]);

/** Each with something that the edge alone decides, beside rules of which all is said. */
const worlds: readonly (readonly [about: string, objects: readonly KubeObject[]])[] = [
  [
    'client addresses',
    shop(
      host,
      [to('a', under('/a')), to('b', under('/b'))],
      [
        on('a', [
          { ...office, to: [{ methods: ['GET'], notPaths: ['/a/private*'] }] },
          { ...methods('POST'), when: [{ header: 'x-a', values: ['1'] }] },
        ]),
        plain,
      ],
    ),
  ],
  [
    'client addresses',
    shop(
      host,
      [to('a', under('/a')), to('b', under('/b'))],
      [on('a', [methods('GET', 'POST')], [office, { when: [{ header: 'x-debug', values: ['1'] }] }]), plain],
    ),
  ],
  [
    'hosts such as *.example.com',
    [
      ...shop(
        ['*.example.com'],
        [to('a', under('/a')), to('b', under('/b'))],
        [
          on('a', [{ to: [{ methods: ['GET'], notPaths: ['/a/private*'] }] }]),
          on('b', [{ to: [{ hosts: ['b.example.com'], methods: ['PUT'] }] }]),
        ],
      ),
      route({ hostnames: ['c.example.com'], rules: [to('c', under('/a'))] }, { name: 'c' }),
      on('c', [methods('DELETE')], [], 'c'),
    ],
  ],
  [
    'a regular expression for the path',
    shop(
      host,
      [to('r', like('/r/[0-9]+', { method: 'GET' })), to('a', under('/a')), to('b', under('/b'))],
      [on('r', [{ when: [{ header: 'x-r', values: ['1'] }] }]), on('a', [methods('GET')]), plain],
    ),
  ],
  [
    'query parameters',
    shop(
      host,
      [to('q', under('/a', { queryParams: [{ name: 'v', value: '2' }] })), to('a', under('/a')), to('b', under('/b'))],
      [on('q', [methods('DELETE')]), on('a', [methods('GET')]), plain],
    ),
  ],
  [
    'header x-a, changed on the way',
    shop(
      host,
      [to('a', under('/a'), { requestHeaders: { set: [{ name: 'x-a', value: '9' }] } }), to('b', under('/b'))],
      [
        on('a', [
          {
            ...methods('GET'),
            when: [
              { header: 'x-a', values: ['1'] },
              { header: 'x-b', values: ['1'] },
            ],
          },
        ]),
        on('b', [{ ...methods('PUT'), when: [{ header: 'x-a', values: ['1'] }] }]),
      ],
    ),
  ],
  [
    'hosts, changed on the way',
    shop(
      host,
      [to('a', under('/a'), { rewrite: { hostname: 'in.test' } }), to('b', under('/b'))],
      [on('a', [methods('GET')]), plain],
    ),
  ],
  [
    'paths, changed on the way',
    shop(
      host,
      [
        to('a', under('/a'), { rewrite: { path: { type: 'ReplaceFullPath', value: '/one' } } }),
        to('b', under('/b'), { rewrite: { path: { type: 'ReplacePrefixMatch', value: '/c' } } }),
      ],
      [
        on('a', [{ to: [{ methods: ['GET'], paths: ['/a/x', '/a/y/*'] }] }]),
        on('b', [{ to: [{ methods: ['PUT'], paths: ['/b/x*'] }] }]),
      ],
    ),
  ],
  [
    'client addresses',
    shop(host, [to('a', under('/a')), to('b', under('/b'))], [on('a', [{ ...office, ...methods('GET') }]), plain], {
      mode: 'Ambient',
      waypoint: { name: 'waypoint' },
    }),
  ],
  [
    'hosts; methods; paths',
    shop(host, [to('a', under('/a')), to('b', under('/b'))], [on('a', [methods('GET')]), plain], {
      mode: 'Ambient',
    }),
  ],
];

/** Rules that ask less; of one about all other ports, nothing. */
function* mutants(rule: Rule): Iterable<readonly [what: string, mutant: Rule]> {
  if ((rule.to ?? []).every(({ operation }) => operation.notPorts !== undefined) && rule.from === undefined) return;
  yield ['is for anybody', { ...rule, from: [{ source: { principals: ['*'] } }] }];
  for (const [at, { operation }] of (rule.to ?? []).entries()) {
    for (const field of Object.keys(operation)) {
      const { [field as 'paths']: _, ...rest } = operation;
      const changed = (rule.to ?? []).map((one, index) => (index === at ? { operation: rest } : one));
      yield [`asks for no ${field} in ${JSON.stringify(operation)}`, { ...rule, to: changed }];
    }
  }
  for (const [at, { key }] of (rule.when ?? []).entries()) {
    yield [`asks for no ${key}`, { ...rule, when: (rule.when ?? []).filter((_, index) => index !== at) }];
  }
}

/** Everything that an object refuses or asks, changed in one place. */
function* changesOf(object: SecurityObject): Iterable<readonly [what: string, change: Change]> {
  if (object.kind !== 'AuthorizationPolicy') return;
  const { metadata, spec } = object as AuthorizationPolicy;
  const rules = spec?.rules ?? [];
  const replaced =
    (index: number, mutant: readonly Rule[]): Change =>
    (one) => {
      if (one.metadata.name !== metadata.name || one.kind !== object.kind) return one;
      const changed = rules.flatMap((rule, at) => (at === index ? mutant : [rule]));
      return { ...one, spec: { ...spec, rules: changed } };
    };
  for (const [index, rule] of rules.entries()) {
    const which = `rule ${index} of ${metadata.name}`;
    if (spec?.action === 'DENY') yield [`${which} is gone`, replaced(index, [])];
    else for (const [what, mutant] of mutants(rule)) yield [`${which} ${what}`, replaced(index, [mutant])];
  }
}

describe.each(worlds)('where the edge alone decides by %s', (about, objects) => {
  const rendered = proofWorld(resolver()(snapshotOf(objects))).workloads.flatMap((workload) => workload.objects);

  test('what is rendered is excused, and said', () => {
    const [proof] = proofOf(objects, (one) => one).workloads;
    expect(proof?.difference).toBeUndefined();
    const told = (proof?.limits ?? []).filter(({ reason }) => reason === 'PartlyAtEdge');
    expect(told).not.toEqual([]);
    for (const { message } of told) expect(message).toContain(`the gateway alone decides by ${about}`);
  });

  test.each(rendered.flatMap((object) => [...changesOf(object)]))('a difference is found where %s', (_what, change) => {
    expect(proofOf(objects, change).workloads.flatMap(({ difference }) => difference ?? [])).toHaveLength(1);
  });
});
