import { expect, test } from '@jest/globals';
import type { KubeObject } from '../../kube/object.ts';
import {
  authPolicy,
  backendRef,
  configMap,
  corpJwks,
  gateway,
  gatewayTarget,
  jwt,
  rateLimitPolicy,
  route,
  routeTarget,
  service,
  snapshotOf,
} from '../../testing/build.ts';
import { resolver } from '../resolve.ts';
import { compare } from './compare.ts';
import { literalStart } from './region.ts';

const always = [
  gateway({ defaultAccess: 'Public' }),
  service(),
  service({}, { name: 'two' }),
  configMap({ keys: ` ${corpJwks}` }),
];
const at = (value: string, more: object = { backendRefs: [backendRef()] }) => ({
  matches: [{ path: { value } }],
  ...more,
});
const rules = (...all: readonly object[]) => route({ rules: all });
const to = (...backendRefs: readonly object[]) => ({ backendRefs });
const two = to(backendRef({ name: 'two' }));
const twoKeys = corpJwks.replace(/\[(.*)\]/, (_, key: string) => `[${key},${key.replace('"kid":"a"', '"kid":"b"')}]`);
const keys = (inline: string) =>
  authPolicy({ authorize: undefined, authenticate: { jwt: [jwt({ jwks: { inline } })] } });
const from = (...blocks: readonly string[]) =>
  authPolicy({ authorize: { allow: [{ name: 'a', from: [{ remoteIpBlocks: blocks }] }] } });
const tenEach = { name: 'x', requests: 10, per: 'Minute' };
const limit = (more: object, targetRefs: readonly object[] = [routeTarget()]) =>
  rateLimitPolicy({ targetRefs, limits: [{ ...tenEach, ...more }] });
const parted = [rules(at('/a')), route({ rules: [at('/c')] }, { name: 'other' })];

const inMesh = (...all: readonly KubeObject[]) => [
  gateway({ defaultAccess: 'Public', mesh: { mode: 'Sidecar' } }),
  service({ selector: { app: 'orders' } }),
  service({ selector: { app: 'two' } }, { name: 'two' }),
  route({ rules: [at('/a'), { ...at('/b'), name: 'b' }, at('/two', two)] }),
  ...all,
];
const guarding = (inline: string) =>
  authPolicy({
    targetRefs: [routeTarget('orders', 'b')],
    authorize: undefined,
    authenticate: { jwt: [jwt({ jwks: { inline } })] },
  });

type World = readonly KubeObject[];

test.each<readonly [what: string, before: World, after: World, said: readonly string[]]>([
  ['a new rule takes from an old one', [rules(at('/'))], [rules(at('/'), at('/a', two))], ['differs backends /a']],
  ['… unless it does the same', [rules(at('/'))], [rules(at('/'), at('/a'))], []],
  ['a rule goes, a broader one answers', [rules(at('/'), at('/a', two))], [rules(at('/'))], ['differs backends /a']],
  ['a rule behind one that takes all of it', [rules(at('/'))], [rules(at('/'), at('/', two))], []],
  [
    'weights of the same shares',
    [rules(to(backendRef({ weight: 1 }), backendRef({ name: 'two' })))],
    [rules(to(backendRef({ weight: 7 }), backendRef({ name: 'two', weight: 7 })))],
    [],
  ],
  [
    'the usual timeout, written down',
    [rules(at('/'))],
    [rules(at('/', { ...to(backendRef()), timeouts: { request: '15s' } }))],
    [],
  ],
  [
    'a rewrite of a prefix to itself',
    [rules(at('/a'))],
    [rules(at('/a', { ...to(backendRef()), rewrite: { path: { type: 'ReplacePrefixMatch', value: '/a' } } }))],
    [],
  ],
  [
    'a Service that is not there',
    [rules(at('/'))],
    [rules(at('/', to(backendRef({ name: 'gone' }))))],
    ['differs backends /'],
  ],
  ['a key more', [route(), keys(corpJwks)], [route(), keys(twoKeys)], ['opens callers /', 'differs bad tokens']],
  ['a key less', [route(), keys(twoKeys)], [route(), keys(corpJwks)], ['closes callers /', 'differs bad tokens']],
  [
    'the same keys from elsewhere',
    [route(), keys(corpJwks)],
    [
      route(),
      authPolicy({
        authorize: undefined,
        authenticate: { jwt: [jwt({ jwks: { configMapRef: { name: 'corp-keys', key: 'keys' } } })] },
      }),
    ],
    [],
  ],
  ['a wider range', [route(), from('10.0.0.0/16')], [route(), from('10.0.0.0/8')], ['opens callers /']],
  ['a range within another one', [route(), from('10.0.0.0/8')], [route(), from('10.0.0.0/8', '10.1.0.0/16')], []],
  ['another range', [route(), from('10.0.0.0/8')], [route(), from('11.0.0.0/8')], ['shifts callers /']],
  [
    'a deny of what nobody sends here',
    [rules(at('/a'))],
    [
      rules(at('/a')),
      authPolicy({ targetRefs: [gatewayTarget()], authorize: { deny: [{ to: [{ paths: ['/b*'] }] }] } }),
    ],
    [],
  ],
  [
    'a deny',
    [rules(at('/a'), at('/c'))],
    [
      rules(at('/a'), at('/c')),
      authPolicy({ targetRefs: [gatewayTarget()], authorize: { deny: [{ to: [{ paths: ['/a/*'] }] }] } }),
    ],
    ['closes callers /a'],
  ],
  [
    'another deny',
    [rules(at('/a')), authPolicy({ authorize: { deny: [{ to: [{ methods: ['POST'] }] }] } })],
    [rules(at('/a')), authPolicy({ authorize: { deny: [{ to: [{ methods: ['PUT'] }] }] } })],
    ['shifts callers /a'],
  ],
  ['a limit in Shadow only', [route(), limit({})], [route(), limit({ mode: 'Shadow' })], ['looser limits /']],
  ['a slower limit', [route(), limit({})], [route(), limit({ requests: 5 })], ['tighter limits /']],
  [
    'a smaller burst at a higher rate',
    [route(), limit({})],
    [route(), limit({ requests: 1, per: 'Second' })],
    ['differs limits /'],
  ],
  [
    'one count that becomes two',
    [rules(at('/a'), at('/c')), limit({})],
    [...parted, limit({}, [routeTarget(), routeTarget('other')])],
    ['looser limit'],
  ],
  [
    'two counts that become one',
    [...parted, limit({}, [routeTarget(), routeTarget('other')])],
    [rules(at('/a'), at('/c')), limit({})],
    ['tighter limit'],
  ],
  [
    'two counts that stay two, under other names',
    [...parted, limit({}, [routeTarget(), routeTarget('other')])],
    [
      ...parted,
      rateLimitPolicy({ targetRefs: [routeTarget()], limits: [tenEach] }, { name: 'one' }),
      rateLimitPolicy({ targetRefs: [routeTarget('other')], limits: [tenEach] }, { name: 'another' }),
    ],
    [],
  ],
  [
    'a policy in Shadow',
    [route()],
    [route(), authPolicy({ mode: 'Shadow', authorize: { allow: [] } })],
    ['differs shadow /'],
  ],
  [
    'a policy beside a public rule, before one workload in a mesh',
    inMesh(),
    inMesh(guarding(corpJwks)),
    ['closes tokens /a', 'closes callers /b', 'closes bad tokens'],
  ],
  [
    'a key more, before one workload in a mesh',
    inMesh(guarding(corpJwks)),
    inMesh(guarding(twoKeys)),
    ['opens tokens /a', 'opens callers /b', 'opens bad tokens'],
  ],
  ['a broken rule', [rules(at('/a'))], [rules(at('/a', { ...to(backendRef()), nonsense: 1 }))], ['closes callers /a']],
])('%s', (_, before, after, said) => {
  const [old, now] = [before, after].map((all) => resolver()(snapshotOf([...always, ...all])));
  if (old === undefined || now === undefined) throw new Error('two sides');
  const { regions, gateways } = compare(old, now);
  const lines = regions.flatMap(({ region, differences }) => {
    const [{ value }] = region.paths;
    return differences.map(({ effect, what }) => `${effect} ${what} ${value}`);
  });
  expect([...lines, ...gateways.map(({ effect, what }) => `${effect} ${what}`)]).toEqual(said);
});

test.each([
  ['/a/[0-9]+', '/a/'],
  ['/ab?', '/a'],
  ['/a\\.b*', '/a\\.'],
  ['^/v1/.*$', '/v1/'],
  ['/a|/b', ''],
  ['(?i)/a', ''],
])('every text that %s matches starts with %s', (expression, start) => {
  expect(literalStart(expression)).toBe(start.replaceAll('\\', ''));
});
