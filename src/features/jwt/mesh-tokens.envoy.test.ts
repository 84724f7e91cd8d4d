import { expect, test } from '@jest/globals';
import { rigSuite } from '../../testing/rig.ts';
import { apiGateway, authPolicy, everyone, route, service, to, under } from '../../testing/rig-manifests.ts';
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
const rule = (name: string) => ({ name, ...under(`/${name}`), ...to('orders') });
const listeners = [
  { name: 'web', port: 80, protocol: 'HTTP' },
  { name: 'other', port: 81, protocol: 'HTTP' },
];

const manifests = (mesh: object) => [
  apiGateway({ defaultAccess: 'Deny', listeners, ...mesh }),
  service('orders'),
  route('all', ['public', 'corp', 'broken', 'uncovered'].map(rule), {
    parentRefs: [{ name: 'edge', sectionName: 'web' }],
  }),
  authPolicy('public', 'Route/all/public', everyone),
  authPolicy('corp', 'Route/all/corp', issuedBy(ours, corp.jwks)),
  authPolicy('broken', 'Route/all/broken', issuedBy(ours, '{"keys":[]}')),
  // On another listener, and so on another chain of the same gateway.
  route('elsewhere', [rule('elsewhere')], { parentRefs: [{ name: 'edge', sectionName: 'other' }] }),
  authPolicy('elsewhere', 'Route/elsewhere', issuedBy(theirs, partner.jwks)),
];

const bearer = (text: string): RigRequest => ({ headers: [['authorization', text]] });
const wanted = { token: await corp.sign({ iss: ours }) };
const otherOfGateway = { token: await partner.sign({ iss: theirs }) };
const unknown = { token: await stranger.sign({ iss: 'https://elsewhere.example.com' }) };
const forged = { token: await forger.sign({ iss: ours }) };
const expired = { token: await corp.sign({ iss: ours, exp: 1_700_000_000 }) };
const opaque = bearer('Bearer 9f86d081884c');

type Case = readonly [what: string, request: RigRequest, statuses: Readonly<Record<string, number>>];
const everywhere401 = { '/public': 401, '/corp': 401, '/broken': 401, '/uncovered': 401, '/nowhere': 401 };

const inMesh: readonly Case[] = [
  ['none', {}, { '/public': 200, '/corp': 401, '/broken': 500, '/uncovered': 403, '/nowhere': 404 }],
  ['of the wanted issuer', wanted, { '/public': 200, '/corp': 200, '/broken': 500, '/uncovered': 403 }],
  ['of another issuer of the gateway', otherOfGateway, { '/public': 200, '/corp': 403, '/nowhere': 404 }],
  ['of an unknown issuer', unknown, everywhere401],
  ['signed by another key', forged, everywhere401],
  ['expired', expired, everywhere401],
  ['opaque', opaque, everywhere401],
  ['two dots', bearer('Bearer a.b.c'), everywhere401],
  ['of another scheme', bearer('Basic YTpi'), { '/public': 200, '/corp': 401 }],
];

const outside: readonly Case[] = [
  ['of an unknown issuer', unknown, { '/public': 200, '/corp': 401, '/nowhere': 404 }],
  ['opaque', opaque, { '/public': 200, '/corp': 401 }],
  ['of another listener’s issuer', otherOfGateway, { '/public': 200, '/corp': 401 }],
  ['signed by another key', forged, { '/public': 401, '/corp': 401 }],
];

const rows = (cases: readonly Case[]) =>
  cases.flatMap(([what, request, statuses]) =>
    Object.entries(statuses).map(([path, status]) => ({ what, path, status, request })),
  );

for (const [title, mesh, cases] of [
  ['tokens at a gateway in a mesh, as Istio judges them', { mesh: { mode: 'Sidecar' } }, inMesh],
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
