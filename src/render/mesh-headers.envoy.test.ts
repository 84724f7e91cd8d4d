import { expect, test } from '@jest/globals';
import { meshHeaders } from '../ir/mesh-headers.ts';
import { rigSuite } from '../testing/rig.ts';
import { apiGateway, authPolicy, everyone, route, service, to } from '../testing/rig-manifests.ts';
import type { HeaderPair } from '../testing/rig-request.ts';

const manifests = (more: object) => [
  apiGateway({ clientIP: { trustedHops: 1 }, ...more }),
  service('orders'),
  route('all', [{ name: 'all', ...to('orders') }]),
  authPolicy('open', 'Route/all', everyone),
];

const forged: readonly HeaderPair[] = [
  ['x-forwarded-for', '203.0.113.66, 198.51.100.7'],
  ['x-forwarded-client-cert', 'By=spiffe://cluster.local/ns/gateways/sa/edge-edge'],
  ...meshHeaders.map((name): HeaderPair => [name, 'forged']),
];

for (const [title, mesh, expected] of [
  ['a gateway in a mesh', { mesh: { mode: 'Ambient' } }, { forwardedFor: /^198\.51\.100\.7$/, passed: [] }],
  // The list of who forwarded it grows by the proxy in front.
  ['one that is not', {}, { forwardedFor: /^203\.0\.113\.66, 198\.51\.100\.7,/, passed: meshHeaders }],
] as const) {
  await rigSuite(
    title,
    () => manifests(mesh),
    (rig) => {
      test('forwards this much of what clients may forge', async () => {
        const { received } = await rig().send({ headers: forged });
        const headers = new Map(received?.headers);
        expect(headers.get('x-forwarded-for')).toMatch(expected.forwardedFor);
        expect(headers.has('x-forwarded-client-cert')).toBe(false);
        expect(meshHeaders.filter((name) => headers.has(name))).toEqual(expected.passed);
      });
    },
    // The Service of this test has no Pods, which a mesh finds worth saying.
    { broken: true },
  );
}
