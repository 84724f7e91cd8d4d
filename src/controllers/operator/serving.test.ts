import { describe, expect, test } from '@jest/globals';
import type { Pod } from '../../kube/pod.ts';
import type { Resolution } from '../../resolve/resolve.ts';
import { Serving } from './serving.ts';

const now = Date.parse('2026-01-01T00:00:00Z');

function pod(uid: string, endsInMs?: number): Pod {
  const deletion = endsInMs === undefined ? {} : { deletionTimestamp: new Date(now + endsInMs).toISOString() };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: uid, uid, ...deletion }, status: { phase: 'Running' } };
}

/** Each is another one for these Envoys. */
const [first, second, third, fourth] = ['1', '2', '3', '4'].map(
  (id) => ({ mesh: { id }, gateways: new Map() }) as unknown as Resolution,
) as [Resolution, Resolution, Resolution, Resolution];

function serving(...pods: readonly Pod[]) {
  const around = { pods, now };
  const told = new Serving({ gateway: 'shop/edge', pods: () => around.pods, now: () => around.now });
  return { told, around };
}

describe('Envoys may serve', () => {
  test('what they were told and have not acknowledged, and nothing beside what they have', () => {
    const { told } = serving(pod('a'));
    told.tell(first);
    expect([told.acknowledged, told.besides]).toEqual([undefined, [first]]);
    told.acknowledge(first);
    expect([told.acknowledged, told.besides]).toEqual([first, []]);
    for (const next of [second, third, third]) told.tell(next);
    expect([told.acknowledged, told.besides]).toEqual([first, [second, third]]);
    told.acknowledge(third);
    expect(told.besides).toEqual([]);
  });

  test('one that is drained, what it may have had when it was asked to end, until it is gone or its time is over', () => {
    const { told, around } = serving(pod('a'), pod('b'));
    told.tell(first);
    told.acknowledge(first);
    told.tell(second);
    around.pods = [pod('a', 30_000), pod('b')];
    for (const next of [third, fourth]) told.tell(next);
    told.acknowledge(fourth);
    // Nobody knows which of the two; the third it was never told.
    expect(told.besides).toEqual([first, second]);
    around.pods = [pod('b')];
    expect(told.besides).toEqual([]);
    around.pods = [pod('a', 30_000), pod('b')];
    expect(told.besides).toEqual([first, second]);
    around.now += 36_000;
    expect(told.besides).toEqual([]);
  });

  test('no more of what was told to one that is late than the last eight', () => {
    const { told } = serving(pod('a'));
    const many = Array.from(
      { length: 20 },
      (_, id) => ({ mesh: { id }, gateways: new Map() }) as unknown as Resolution,
    );
    for (const next of many) told.tell(next);
    expect(told.besides).toEqual(many.slice(-8));
  });
});
