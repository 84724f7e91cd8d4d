import { expect, test } from '@jest/globals';
import { rigSuite } from '../../testing/rig.ts';
import { apiGateway, route, service, to, under } from '../../testing/rig-manifests.ts';

const rewrites = (path: string, rewrite: object) => ({ ...under(path), ...to('orders'), rewrite });
const prefix = (value: string) => ({ path: { type: 'ReplacePrefixMatch', value } });
const full = (value: string) => ({ path: { type: 'ReplaceFullPath', value } });

const manifests = [
  apiGateway(),
  service('orders'),
  route('all', [
    rewrites('/to-root', prefix('/')),
    rewrites('/to-v2', prefix('/v2')),
    rewrites('/to-slash', prefix('/v2/')),
    rewrites('/a.b+c', prefix('/')),
    rewrites('/full', full('/fixed')),
    rewrites('/host', { hostname: 'orders.internal' }),
    rewrites('/both', { hostname: 'orders.internal', ...prefix('/x') }),
    rewrites('/odd', full('/50%25/$1')),
  ]),
  route('root', [rewrites('/', prefix('/base'))], { hostnames: ['root.example.com'] }),
];

await rigSuite(
  'rewrite, with traffic',
  () => manifests,
  (rig) => {
    test.each([
      ['/to-root', '/'],
      ['/to-root/', '/'],
      ['/to-root?a=b', '/?a=b'],
      ['/to-root/x/y?a=b', '/x/y?a=b'],
      ['/to-v2', '/v2'],
      ['/to-v2/', '/v2/'],
      ['/to-v2/x?a=/to-v2', '/v2/x?a=/to-v2'],
      ['/to-slash/x', '/v2/x'],
      ['/to-slash', '/v2'],
      ['/a.b+c/x', '/x'],
      ['/full', '/fixed'],
      ['/full/a/b?c=d', '/fixed?c=d'],
      ['/odd/x', '/50%25/$1'],
    ])('%s reaches the backend as %s', async (path, seen) => {
      const { received } = await rig().send({ path });
      expect(received).toMatchObject({ path: seen, authority: 'shop.example.com' });
    });

    test.each([
      ['/', '/base/'],
      ['/x?y', '/base/x?y'],
    ])('the prefix / has no slash of its own: %s becomes %s', async (path, seen) => {
      expect((await rig().send({ path, host: 'root.example.com' })).received?.path).toBe(seen);
    });

    test.each([
      ['/host/x?y', '/host/x?y'],
      ['/both/x?y', '/x/x?y'],
    ])('%s reaches the backend with another host, as %s', async (path, seen) => {
      const { received } = await rig().send({ path, host: 'shop.example.com:8080' });
      expect(received).toMatchObject({ path: seen, authority: 'orders.internal' });
    });
  },
);
