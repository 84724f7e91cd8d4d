/** The operator dies after every write, or never hears of its success: what it was to do is done all the same, and once. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { fuzz } from '../../testing/fuzz.ts';
import { kindRefusals } from '../../testing/kube-api/kind-refusals.ts';
import type { ApiRequest } from '../../testing/kube-api/request.ts';
import { countsOf, endOf, excess } from '../../testing/operator/oracles.ts';
import { type OperatorRig, type RunningOperator, rigPool } from '../../testing/operator/rig.ts';
import { createAll, guarded, shop, shopChanges } from '../../testing/operator/shop.ts';
import { trafficFaults } from '../../testing/operator/traffic.ts';

const pool = rigPool({ validate: kindRefusals });
afterEach(pool.stop);

/** Whether the operator dies after a write, counted from 1; the next one starts at once. */
type Dies = (write: number) => boolean;

interface Run {
  readonly rig: OperatorRig;
  readonly end: ReturnType<typeof endOf>;
  readonly deaths: number;
}

async function live(dies: Dies, before: (rig: OperatorRig) => void = () => undefined): Promise<Run> {
  const rig = await pool.open();
  before(rig);
  let [seen, deaths] = [0, 0];
  const onWrite = (operator: RunningOperator) => {
    if (!rig.writes().some((_, index) => index >= seen && dies(index + 1))) return;
    seen = rig.writes().length;
    deaths += 1;
    void operator.kill();
    rig.start({ readSecrets: true, onWrite });
  };
  createAll(rig.api, shop());
  rig.start({ readSecrets: true, onWrite });
  await rig.quiet();
  for (const step of shopChanges) {
    step(rig.api);
    await rig.quiet();
  }
  return { rig, end: endOf(rig), deaths };
}

let known: Promise<Run> | undefined;
const undisturbed = () => (known ??= live(() => false));

function check({ rig, end }: Run, usual: Run, allowed: number): void {
  expect(end).toEqual(usual.end);
  expect(excess(rig.writes(), countsOf(usual.rig.writes()), allowed)).toEqual([]);
  expect(trafficFaults(rig.pods.everyEnvoy(), { guarded, lasting: ['shop/menu'] })).toEqual([]);
}

/** Every so many writes, another offset for each kind of trouble; every single one in a long run. */
function moments(writes: number, offset: number): readonly number[] {
  const stride = fuzz(1).numRuns > 1 ? 1 : 8;
  return Array.from({ length: writes }, (_, index) => index + 1).filter((write) => write % stride === offset % stride);
}

describe('the operator', () => {
  test('ends alike when it dies after a write', async () => {
    const usual = await undisturbed();
    for (const write of moments(usual.rig.writes().length, 1)) {
      const run = await live((now) => now === write);
      expect(run.deaths).toBe(1);
      check(run, usual, 2);
      await run.rig.stop();
    }
  }, 60_000);

  test('ends alike when it dies after each of its writes', async () => {
    const usual = await undisturbed();
    const run = await live(() => true);
    expect(run.deaths).toBeGreaterThan(20);
    check(run, usual, 4);
  }, 60_000);

  test('ends alike when it does not hear that a write was done', async () => {
    const usual = await undisturbed();
    const verbs = ['create', 'update', 'patch', 'delete'];
    for (const write of moments(usual.rig.writes().length, 3)) {
      const run = await live(
        () => false,
        ({ api }) => {
          let calls = 0;
          const match = ({ verb }: ApiRequest) => verbs.includes(verb) && ++calls === write;
          api.faults.add({ match, fault: { kind: 'lose-answer' } });
        },
      );
      check(run, usual, 2);
      await run.rig.stop();
    }
  }, 60_000);
});
