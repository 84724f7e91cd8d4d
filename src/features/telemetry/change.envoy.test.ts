import { expect, test } from '@jest/globals';
import { rigSuite } from '../../testing/rig.ts';
import { openHttp2 } from '../../testing/rig-client.ts';
import { underLoad } from '../../testing/rig-load.ts';
import { apiGateway, authPolicy, everyone, route, service, to, under } from '../../testing/rig-manifests.ts';

const manifests = (accessLog: object) => [
  service('orders'),
  apiGateway({ listeners: [{ name: 'web', port: 80, protocol: 'HTTP' }], telemetry: { accessLog } }),
  route('all', [{ name: 'all', ...under('/'), ...to('orders') }]),
  authPolicy('all', 'Route/all', everyone),
];

const asked = { method: 'GET', target: '/', headers: [], scheme: 'http', authority: 'shop.example.com' } as const;

await rigSuite(
  'another access log under load',
  () => manifests({ fields: [{ name: 'version', value: '1' }] }),
  (rig) => {
    test('fails no request: clients are told to close, answers that are on their way arrive', async () => {
      const { port } = rig().place(80);
      const { failures, closing } = await underLoad({ clients: 3, place: () => port }, async (load) => {
        await load.answers(60);
        const connection = await openHttp2({ port });
        const slow = connection.send({ ...asked, target: '/?delay=1000' });
        expect(load.closing).toEqual({ http1: 0, http2: 0 });
        await rig().apply(manifests({ fields: [{ name: 'version', value: '2' }] }));
        await rig().accessLog.line(({ version }) => version === '2');
        await load.answers(60);
        expect((await slow).status).toBe(200);
        connection.close();
      });
      expect(failures).toEqual([]);
      expect(closing.http1 + closing.http2).toBeGreaterThan(0);
    }, 30_000);
  },
);
