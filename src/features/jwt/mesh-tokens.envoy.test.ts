import { expect, test } from '@jest/globals';
import { rigSuite } from '../../testing/rig.ts';
import {
  apiGateway,
  authPolicy,
  everyone,
  type Manifest,
  namespace,
  route,
  to,
  under,
} from '../../testing/rig-manifests.ts';
import type { RigRequest } from '../../testing/rig-request.ts';
import { signingKey } from '../../testing/rig-tokens.ts';

const corp = await signingKey('corp');
const partner = await signingKey('partner');
/** Has the name of the real one, and another key. */
const forger = await signingKey('corp');
const stranger = await signingKey('stranger');
const ours = 'https://login.example.com';
const theirs = 'https://partner.example.com';

const issuedBy = (issuer: string, jwks: string) => ({
  authenticate: { jwt: [{ name: 'issuer', issuer, jwks: { inline: jwks } }] },
});
const rule = (name: string, action: object) => ({ name, ...under(`/${name}`), ...action });
const listeners = [
  { name: 'web', port: 80, protocol: 'HTTP' },
  { name: 'other', port: 81, protocol: 'HTTP' },
];
const at = (sectionName: string) => ({ parentRefs: [{ name: 'edge', sectionName }] });

/** A workload whose Pods have no proxy yet, so that it is dialled in clear text. */
const workload = (name: string): readonly Manifest[] => [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { selector: { app: name }, ports: [{ port: 80 }] },
  },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { app: name } },
    spec: { containers: [{ name: 'app' }] },
    status: { phase: 'Running' },
  },
];

/** The one team guards `orders`, the other one's `reports` reads tokens itself. */
const manifests = (mesh: object) => [
  apiGateway({ defaultAccess: 'Deny', listeners, ...mesh }),
  ...workload('orders'),
  ...workload('reports'),
  route(
    'orders',
    [
      ...['guarded', 'beside', 'broken', 'uncovered'].map((name) => rule(name, to('orders'))),
      rule('either', {
        backendRefs: [
          { name: 'orders', port: 80 },
          { name: 'reports', port: 80 },
        ],
      }),
      rule('moved', { redirect: { hostname: 'elsewhere.example.com' } }),
    ],
    at('web'),
  ),
  authPolicy('guarded', 'Route/orders/guarded', issuedBy(ours, corp.jwks)),
  authPolicy('beside', 'Route/orders/beside Route/orders/either', everyone),
  authPolicy('broken', 'Route/orders/broken', issuedBy(ours, '{"keys":[]}')),
  route('reports', [rule('reports', to('reports'))], at('web')),
  authPolicy('reports', 'Route/reports', everyone),
  // On another listener, and so on another chain of the same gateway, to the same workload.
  route('partners', [rule('partners', to('orders'))], at('other')),
  authPolicy('partners', 'Route/partners', issuedBy(theirs, partner.jwks)),
];

const bearer = (text: string): RigRequest => ({ headers: [['authorization', text]] });
const wanted = { token: await corp.sign({ iss: ours }) };
const otherOfWorkload = { token: await partner.sign({ iss: theirs }) };
const unknown = { token: await stranger.sign({ iss: 'https://elsewhere.example.com' }) };
const forged = { token: await forger.sign({ iss: ours }) };
const forgedOther = { token: await forger.sign({ iss: theirs }) };
const expired = { token: await corp.sign({ iss: ours, exp: 1_700_000_000 }) };
const opaque = bearer('Bearer 9f86d081884c');
const basic = bearer('Basic YTpi');

type Case = readonly [what: string, request: RigRequest, statuses: Readonly<Record<string, number>>];
/** Of the chain's issuer: refused wherever it is sent. */
const everywhere401 = {
  '/guarded': 401,
  '/beside': 401,
  '/either': 401,
  '/broken': 401,
  '/uncovered': 401,
  '/reports': 401,
  '/moved': 401,
  '/nowhere': 401,
};
const nothingToSay = { '/broken': 500, '/reports': 200, '/moved': 302, '/nowhere': 404 };
/** Refused by who guards, and nobody else's affair. */
const foreign = { '/guarded': 401, '/beside': 401, '/either': 401, '/uncovered': 401, ...nothingToSay };
const admitted = { '/beside': 200, '/either': 200, '/uncovered': 403, ...nothingToSay };

const inMesh: readonly Case[] = [
  ['none', {}, { '/guarded': 401, ...admitted }],
  ['of the wanted issuer', wanted, { '/guarded': 200, ...admitted }],
  ['of another issuer of the workload', otherOfWorkload, { '/guarded': 403, ...admitted }],
  ['of an unknown issuer', unknown, foreign],
  ['signed by another key', forged, everywhere401],
  ['signed by another key than the other issuer’s', forgedOther, foreign],
  ['expired', expired, everywhere401],
  ['opaque', opaque, foreign],
  ['two dots', bearer('Bearer a.b.c'), foreign],
  ['of another scheme', basic, { '/guarded': 401, ...admitted }],
];

const outside: readonly Case[] = [
  ['of an unknown issuer', unknown, { '/guarded': 401, ...admitted }],
  ['opaque', opaque, { '/guarded': 401, ...admitted }],
  ['of another listener’s issuer', otherOfWorkload, { '/guarded': 401, ...admitted }],
  ['signed by another key', forged, everywhere401],
];

const rows = (cases: readonly Case[]) =>
  cases.flatMap(([what, request, statuses]) =>
    Object.entries(statuses).map(([path, status]) => ({ what, path, status, request })),
  );

for (const [title, mesh, cases] of [
  ['tokens at a gateway in a mesh, as the workloads behind it judge them', { mesh: { mode: 'Sidecar' } }, inMesh],
  ['where the mesh is only asked what it would refuse', { mesh: { mode: 'Sidecar', enforcement: 'Shadow' } }, outside],
  ['where no proxy looks at tokens', { mesh: { mode: 'Ambient' } }, outside],
  ['the same tokens outside of a mesh', {}, outside],
] as const) {
  await rigSuite(
    title,
    () => manifests(mesh),
    (rig) => {
      test.each(rows(cases))('$what, $path: $status', async ({ path, request, status }) => {
        expect(await rig().status({ path, ...request })).toBe(status);
      });
    },
    { broken: true },
  );
}

const next = await signingKey('next');
const both = JSON.stringify({
  keys: [corp, next].flatMap(({ jwks }) => (JSON.parse(jwks) as { keys: object[] }).keys),
});
const newer = { token: await next.sign({ iss: ours }) };

/** One team has the keys of before the rotation, the other one those of after it. */
await rigSuite(
  'two sets of keys of one issuer, before one workload in a mesh',
  () => [
    apiGateway({ mesh: { mode: 'Sidecar' } }),
    ...workload('orders'),
    route(
      'all',
      ['old', 'new', 'public'].map((name) => rule(name, to('orders'))),
    ),
    authPolicy('old', 'Route/all/old', issuedBy(ours, corp.jwks)),
    authPolicy('new', 'Route/all/new', issuedBy(ours, both)),
    authPolicy('public', 'Route/all/public', everyone),
  ],
  (rig) => {
    test.each([
      ...rows([
        ['signed by a key of both', wanted, { '/old': 200, '/new': 200, '/public': 200 }],
        ['signed by a key of one', newer, { '/old': 403, '/new': 200, '/public': 200 }],
        ['signed by no key of theirs', forged, { '/old': 401, '/new': 401, '/public': 401 }],
      ]),
    ])('$what, $path: $status', async ({ path, request, status }) => {
      expect(await rig().status({ path, ...request })).toBe(status);
    });
  },
  { broken: true },
);
