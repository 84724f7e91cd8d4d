/** The operator sees the world late, in pieces, or as it was: it ends alike, and nothing that lives is deleted. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { ResourceType } from '../../kube/client.ts';
import type { KubeObject, ObjectMeta } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import { type Fault, freezes } from '../../testing/kube-api/faults.ts';
import type { KubeApi } from '../../testing/kube-api/index.ts';
import { kindRefusals } from '../../testing/kube-api/kind-refusals.ts';
import { endOf } from '../../testing/operator/oracles.ts';
import { type OperatorRig, rigPool } from '../../testing/operator/rig.ts';
import { createAll, httpGateway, pathRoute, publicFor, shop } from '../../testing/operator/shop.ts';
import { faultsOf, type Story, type Told, tell } from '../../testing/operator/story.ts';

const pool = rigPool({ validate: kindRefusals });
afterEach(pool.stop);

let known: Promise<Told> | undefined;
const usual = () => (known ??= pool.open().then((rig) => tell(rig)));

async function expectAlike(story: Story, allowed?: number): Promise<OperatorRig> {
  const undisturbed = await usual();
  const rig = await pool.open();
  const { end } = await tell(rig, story);
  expect(end).toEqual(undisturbed.end);
  expect(faultsOf(rig, undisturbed, allowed)).toEqual([]);
  expect(deletionsIn(rig.api)).toEqual([]);
  return rig;
}

function deletionsIn(api: KubeApi): readonly string[] {
  return api.writes.flatMap(({ verb, kind, name }) => (verb === 'delete' ? [`${kind} ${name}`] : []));
}

const watched: readonly ResourceType[] = [
  resources.ApiGateway,
  resources.Route,
  resources.AuthPolicy,
  resources.RateLimitPolicy,
  resources.Service,
  resources.Secret,
  resources.ConfigMap,
  resources.Deployment,
  resources.ServiceAccount,
  resources.Pod,
];

const duplicates: Fault = {
  kind: 'stream',
  script: (watch) => {
    watch.intercept = (event) => {
      for (let time = 0; time < 2; time += 1) watch.sendRaw(`${JSON.stringify(event)}\n`);
      return true;
    };
  },
};

describe('the operator', () => {
  test.each(watched)('does not mind that $kind is seen late', async (type) => {
    await expectAlike({
      opened: ({ api }) => {
        for (const watch of api.watches(type)) watch.freeze();
      },
      last: ({ api }) => {
        for (const watch of api.watches(type)) watch.thaw();
      },
    });
  });

  test('does not mind that all is seen late, and only as it ended', async () => {
    await expectAlike({
      opened: ({ api }) => {
        for (const watch of api.watches()) watch.freeze();
      },
      last: ({ api }) => {
        api.compact();
        for (const watch of api.watches()) watch.reset();
      },
    });
  });

  test('does not mind events that come twice', async () => {
    await expectAlike({
      first: ({ api }) => void api.faults.add({ match: ({ verb }) => verb === 'watch', fault: duplicates }),
    });
  });

  test.each([0.1, 0.4, 0.7, 0.9])(
    'does not mind a server that knows the past alone (%d) when it starts',
    async (share) => {
      const rig = await expectAlike(
        {
          last: async ({ api, start, kill, quiet }) => {
            const revision = Math.round(9_990 + (api.revision - 9_990) * share);
            await kill();
            const past = api.faults.add({ match: ({ verb }) => verb === 'list', fault: { kind: 'as-of', revision } });
            const frozen = api.faults.add({ match: ({ verb }) => verb === 'watch', fault: freezes });
            start({ readSecrets: true });
            await quiet();
            expect(past.hits).toBeGreaterThan(10);
            past.release();
            frozen.release();
            for (const watch of api.watches()) watch.thaw();
          },
        },
        4,
      );
      expect(rig.api.get(resources.Deployment, 'shop', 'edge-edge')?.metadata.generation).toBe(1);
    },
  );

  test('leaves alone what has the name of something that it saw ending', async () => {
    const { api, start, quiet, kill } = await pool.open();
    const finalizers = ['example.com/wait'];
    createAll(api, [{ ...httpGateway, metadata: { ...httpGateway.metadata, finalizers } as ObjectMeta }, ...most()]);
    start();
    await quiet();
    api.delete(httpGateway);
    const revision = api.revision;
    api.patch(httpGateway, { metadata: { finalizers: null } });
    api.create(httpGateway);
    await quiet();
    await kill();
    const before = endOf({ api });
    const past = api.faults.add({ match: ({ verb }) => verb === 'list', fault: { kind: 'as-of', revision } });
    const frozen = api.faults.add({ match: ({ verb }) => verb === 'watch', fault: freezes });
    start();
    await quiet();
    expect(past.hits).toBeGreaterThan(10);
    expect(deletionsIn(api)).toEqual([]);
    past.release();
    frozen.release();
    for (const watch of api.watches()) watch.thaw();
    await quiet();
    expect(endOf({ api })).toEqual(before);
    expect(deletionsIn(api)).toEqual([]);
  });
});

function most(): readonly KubeObject[] {
  return [
    ...shop().filter(({ kind }) => kind === 'Service' || kind === 'ConfigMap'),
    pathRoute('menu'),
    publicFor('menu'),
  ];
}
