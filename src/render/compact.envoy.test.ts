import { get } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../kube/object.ts';
import { authPolicy, gateway, jwt, route } from '../testing/build.ts';
import { envoyForTests } from '../testing/envoy.ts';
import { sendHttp1 } from '../testing/rig-client.ts';
import { underLoad } from '../testing/rig-load.ts';
import { type Pod, startPod } from '../testing/rig-pod.ts';

const found = await envoyForTests();
const suite = 'binary' in found ? describe : describe.skip;
const binary = 'binary' in found ? found.binary : '';

/** So many guarded Routes with a host each, of about 2.2 kB, and an open one for every other host. */
function world(count: number, body: string): readonly KubeObject[] {
  const answer = { respond: { status: 200, body } };
  const guarded = Array.from({ length: count }, (_, index) => {
    const name = `guarded-${index}`;
    return [
      route({ hostnames: [`${name}.example.com`], rules: [{ name: 'all', ...answer }] }, { name }),
      authPolicy(
        {
          targetRefs: [{ kind: 'Route', name }],
          authenticate: { jwt: [jwt({ audiences: [`app-${index}`] })] },
          authorize: {
            allow: [
              { name: 'readers', to: [{ methods: ['GET'] }], when: [{ claim: 'scope', values: ['read'] }] },
              { name: 'blocks', from: [{ remoteIpBlocks: ['203.0.113.0/24'] }], to: [{ paths: ['/a/*'] }] },
            ],
          },
        },
        { name },
      ),
    ];
  });
  const open = route({ rules: [{ name: 'all', ...answer }] }, { name: 'open' });
  return [gateway({ defaultAccess: 'Public' }), open, ...guarded.flat()];
}

/** The route tables as Envoy shows them, which needs the types of all that is nested. */
function dumped(socketPath: string): Promise<string> {
  const path = '/config_dump?resource=dynamic_route_configs';
  return new Promise((resolve, reject) => {
    get({ socketPath, path }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve(text));
    }).on('error', reject);
  });
}

suite('a route table that outgrows JSON', () => {
  let pod: Pod;
  beforeAll(async () => {
    pod = await startPod({ binary, objects: world(10, 'small\n') });
  }, 30_000);
  afterAll(() => pod?.stop());

  const ask = async (name: string) => {
    const headers = [['host', `${name}.example.com`] as const];
    const { status, body } = await sendHttp1({ port: pod.ports.web }, { method: 'GET', target: '/', headers });
    return status === 200 ? body : status;
  };

  test('is loaded as protobuf, guards what it guarded, and becomes JSON again, and nobody notices', async () => {
    expect([await ask('any'), await ask('guarded-9')]).toEqual(['small\n', 401]);
    const { failures } = await underLoad({ clients: 2, place: () => pod.ports.web }, async (load) => {
      for (const [count, body, file] of [
        [500, 'large\n', 'rds-http-80.pb'],
        [500, 'changed\n', 'rds-http-80.pb'],
        [250, 'fewer\n', 'rds-http-80.pb'],
        [10, 'small again\n', 'rds-http-80.json'],
      ] as const) {
        expect(await pod.apply(world(count, body))).toContain(file);
        expect([await ask('any'), await ask('guarded-9'), await ask(`guarded-${count - 1}`)]).toEqual([body, 401, 401]);
        expect(await dumped(pod.adminSocket)).toContain(`"shop/guarded-${count - 1}/all/0"`);
        await load.answers(20);
      }
    });
    expect(failures).toEqual([]);
    // The listener that it had before looks for its own file as long as it drains.
    expect(pod.said.filter((line) => !/rds-http-80\.\w+, Invalid path/.test(line))).toEqual([]);
  }, 60_000);
});
