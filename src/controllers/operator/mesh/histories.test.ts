/** A meshed shop lives through anything: it ends as one that was always so, nothing opens in between, and nothing is lost. */
import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { systemClock } from '../../../runtime/clock.ts';
import { fuzz } from '../../../testing/fuzz.ts';
import { freshEnd, unlike, withoutIstio } from '../../../testing/operator/mesh-end.ts';
import { happenings, MeshLife } from '../../../testing/operator/mesh-life.ts';
import { MeshWatch } from '../../../testing/operator/mesh-watch.ts';
import { endOf, idOf, reportFaults } from '../../../testing/operator/oracles.ts';
import { rigPool } from '../../../testing/operator/rig.ts';

/** All is created in one second, so that names decide which PeerAuthentication counts. */
const clock = { ...systemClock, now: () => Date.UTC(2026, 0, 1) };
const pool = rigPool({ clock, graceMs: 35_000 });
afterEach(pool.stop);

/** Milliseconds of the operator's clock that pass before the next thing happens. */
const pauses: readonly number[] = [0, 0, 100, 1000, 12_000];

const history = fc.array(fc.tuple(fc.constantFrom(...Object.keys(happenings)), fc.constantFrom(...pauses)), {
  minLength: 1,
  maxLength: 9,
});

/** Each was once a fault. */
const once: readonly (readonly [string, number])[][] = [
  [['theirs: ALLOW', 0]],
  [
    ['pods: without a proxy', 0],
    ['route: /menu to both', 0],
  ],
  [
    ['route: /menu to both', 0],
    ['operator: killed', 0],
  ],
  [['route: gone', 0]],
  [
    ['mesh: None', 1000],
    ['mesh: Release', 0],
  ],
  [['route: /orders to billing', 0]],
  [
    ['mesh: Shadow', 0],
    ['orders: GET, POST', 0],
  ],
  // Pods that a Service selects no more.
  [['service: other Pods', 0]],
  [
    ['service: other Pods', 1000],
    ['service: its Pods', 100],
    ['service: other Pods, and its own end', 12_000],
  ],
  [
    ['another service: other Pods', 1000],
    ['service: other Pods', 0],
  ],
  [
    ['service: other Pods, and its own end', 0],
    ['orders: GET', 100],
    ['another service: other Pods', 0],
  ],
  // What is drained is told nothing any more.
  [
    ['edge: rolled out', 1000],
    ['route: /orders as /v2', 1000],
    ['route: /orders to billing', 1000],
  ],
  [
    ['edge: rolled out', 0],
    ['route: gone', 12_000],
  ],
  [
    ['mesh: Shadow', 12_000],
    ['edge: rolled out', 1000],
    ['mesh: Enforce', 1000],
    ['route: gone', 1000],
  ],
];

async function live(steps: readonly (readonly [string, number])[]): Promise<void> {
  const rig = await pool.open();
  const life = new MeshLife(rig);
  const watch = new MeshWatch(life);
  life.open();
  watch.asked();
  await life.calm();
  watch.calm();
  for (const [step, pause] of steps) {
    await happenings[step]?.(life);
    watch.asked();
    if (pause > 0) await rig.clock.sleep(pause);
  }
  await life.calm();
  watch.asked();
  const mark = rig.writes().length;
  await rig.kill();
  life.start();
  await rig.quiet(40_000);
  expect(rig.writes().slice(mark).map(idOf)).toEqual([]);
  const fresh = await freshEnd(life, await pool.open());
  const compared = (end: typeof fresh) => (life.isMeshed ? end : withoutIstio(end));
  expect(unlike(compared(endOf(rig)), compared(fresh))).toEqual([]);
  expect(watch.faults).toEqual([]);
  expect(reportFaults(rig.writes())).toEqual([]);
}

describe('a meshed shop', () => {
  test('ends as if nothing had happened to it, and is at no moment more open than somebody asked for', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        try {
          await live(steps);
        } finally {
          await pool.stop();
        }
      }),
      { ...fuzz(25), examples: once.map((steps) => [steps.map(([step, ms]) => [step, ms])]) },
    );
  }, 120_000);
});
