import { expect, test } from '@jest/globals';
import { ApiError, type Client } from '../../kube/client.ts';
import type { EdgePod, PodAccess } from './contract.ts';
import { standing } from './standing.ts';

const gateway = { kind: 'ApiGateway', namespace: 'shop', name: 'edge' };
const ip = '10.0.0.1';
const pod: EdgePod = { name: 'edge-1', namespace: 'shop', uid: '1', ip, ready: true, terminating: false, restarts: 0 };
const file = (version: string) => `{"version_info":"${version}","resources":[]}\n`;

/** What one Envoy does, whose versions are these, where files of the versions `aa.1` and `bb.4` are in place. */
async function look(stats: PodAccess['stats'], data: object = { 'lds.json': file('aa.1'), 'cds.json': file('bb.4') }) {
  const client = {
    get: (_: unknown, { name }: { readonly name: string }) =>
      Promise.resolve(name === 'edge-edge-config-0' ? { data } : undefined),
  } as unknown as Client;
  const { wanted, envoys } = await standing(gateway, [pod], {
    client,
    access: { stats, log: () => Promise.resolve([]) },
  });
  return { wanted, ...envoys[0] };
}

const versions = (lds: string, cds: string) => () =>
  Promise.resolve(
    new Map([
      ['listener_manager.lds.version_text', lds],
      ['cluster_manager.cds.version_text', cds],
    ]),
  );

test('one that has everything acknowledges what is wanted, whichever publication it was', async () => {
  const { wanted, acknowledged, behind } = await look(versions('aa.1', 'bb.4'));
  expect([wanted, behind]).toEqual([acknowledged, 0]);
});

test('one that is behind says what it has', async () => {
  const { wanted, acknowledged, behind } = await look(versions('aa.1', 'b0.3'));
  expect([behind, acknowledged === wanted, typeof acknowledged]).toEqual([1, false, 'string']);
});

test('one that has nothing of a file has no revision', async () => {
  expect(await look(versions('', ''))).toMatchObject({ behind: 2, acknowledged: undefined, silent: undefined });
});

test('one that could not load a certificate is not behind: the ApiGateway tells of it', async () => {
  const sds = '{"version_info":"cc~.7","resources":[{"name":"shop.late"}]}\n';
  const lds = '{"version_info":"aa.1","resources":[{"path":"/x/..data/sds-shop.late.json"}]}\n';
  const data = { 'lds.json': lds, 'cds.json': file('bb.4'), 'sds-shop.late.json': sds };
  const { wanted, acknowledged, behind } = await look(versions('aa.1', 'bb.4'), data);
  expect([wanted, behind]).toEqual([acknowledged, 0]);
});

test('one that does not answer says why', async () => {
  const error = new ApiError('pods/proxy is forbidden', { code: 403 });
  expect(await look(() => Promise.reject(error))).toMatchObject({ acknowledged: undefined, silent: error });
});

test('files that make no sense together are no revision', async () => {
  expect(await look(versions('', ''), { 'lds.json': 'edited' })).toMatchObject({ wanted: '', behind: 0 });
});
