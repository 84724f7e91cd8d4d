/** What somebody reads who applies objects in any order and waits for them, and gives up on one that has failed. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import { authPolicy, routeTarget } from '../../testing/build.ts';
import { conditionOf, type OperatorRig, rigPool } from '../../testing/operator/rig.ts';
import { guardFor, pathRoute, publicFor, servingShop } from '../../testing/operator/shop.ts';
import { type KstatusResult, kstatus } from '../../testing/status-rules.ts';

const pool = rigPool();
afterEach(pool.stop);

/** A fleet that is never ready never answers. */
async function opened(ready = true): Promise<OperatorRig> {
  return servingShop(await pool.open({ deployments: { ready: () => ready } }));
}

const policy = ({ api }: OperatorRig, name: string) => api.get(resources.AuthPolicy, 'shop', name) as KubeObject;

/** Of every status that it was given, in turn. */
function told(rig: OperatorRig, kind: string, name: string): readonly KstatusResult[] {
  const written = rig.api.writes.filter(
    (one) => one.kind === kind && one.name === name && one.subresource === 'status',
  );
  return written.map(({ after }) => kstatus(after as unknown as KubeObject));
}

describe('an object that another one completes', () => {
  test.each([
    ['AuthPolicy', publicFor('late'), pathRoute('late')],
    ['Route', pathRoute('late'), publicFor('late')],
  ])('%s comes first, and has never failed', async (kind, first, second) => {
    const rig = await opened();
    rig.api.create(first);
    await rig.quiet();
    rig.api.create(second);
    await rig.quiet();
    const all = told(rig, kind, 'late');
    expect(all).not.toContain('Failed');
    expect(all.at(-1)).toBe('Current');
  });

  test('what another object has mended has failed no more, before any Envoy has answered', async () => {
    const rig = await opened(false);
    const allow = [{ name: 'clerks', when: [{ claim: 'role', values: ['clerk'] }] }];
    rig.api.create(authPolicy({ targetRefs: [routeTarget('menu')], authorize: { allow } }, { name: 'clerks' }));
    await rig.quiet();
    expect(kstatus(policy(rig, 'clerks'))).toBe('Failed');
    rig.api.put(guardFor('menu'));
    await rig.clock.sleep(1000);
    expect(conditionOf(policy(rig, 'clerks'), 'Stalled')).toBe('');
    expect(kstatus(policy(rig, 'clerks'))).toBe('InProgress');
  });
});
