import { expect, test } from '@jest/globals';
import { rigSuite } from '../../testing/rig.ts';
import { apiGateway, route, service, to, under } from '../../testing/rig-manifests.ts';

const slow = (path: string, timeouts: object) => ({ ...under(path), ...to('orders'), timeouts });

const manifests = [
  apiGateway(),
  service('orders'),
  route('all', [
    slow('/request', { request: '150ms' }),
    slow('/attempt', { backendRequest: '150ms' }),
    slow('/both', { request: '2s', backendRequest: '150ms' }),
    slow('/none', { request: '0s' }),
  ]),
];

await rigSuite(
  'timeouts, with traffic',
  () => manifests,
  (rig) => {
    test.each([
      ['/request', 504],
      ['/attempt', 504],
      ['/both', 504],
      ['/none', 200],
    ])('%s: a backend that takes 300 ms leads to %d', async (path, status) => {
      const { received, ...answer } = await rig().send({ path: `${path}?delay=300` });
      expect({ status: answer.status, reached: received?.service }).toEqual({ status, reached: 'shop/orders' });
    });

    test.each(['/request', '/attempt', '/both', '/none'])('%s: a quick backend is waited for', async (path) => {
      expect(await rig().status({ path })).toBe(200);
    });
  },
);
