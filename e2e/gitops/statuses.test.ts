/** Flux's own code on every status that the operator was seen to write, and on random ones: ours says what it says. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { KubeObject } from '../../src/kube/object.ts';
import { fuzz } from '../../src/testing/fuzz.ts';
import { type FluxRule, fluxVerdict, kstatus, statusFaults } from '../../src/testing/status-rules.ts';
import type { Reported } from '../operator/lib/world.ts';
import { buildJudge, judgeStatuses, type StatusVerdict } from './lib/judge.ts';
import { recordedStatuses } from './lib/recorded.ts';

const judge = await buildJudge();
const describeJudge = 'skip' in judge ? describe.skip : describe;
const ask = (objects: readonly KubeObject[], healthChecks?: string) =>
  'skip' in judge ? [] : judgeStatuses(judge.binary, objects, healthChecks);

/** How Flux's sentences begin. */
const sentences: readonly (readonly [FluxRule, string])[] = [
  ['FAIL0001', 'Negative polarity condition cannot be True'],
  ['FAIL0002', 'Ready condition must always be present'],
  ['FAIL0003', 'Ready condition must be False when Reconciling'],
  ['FAIL0004', 'Ready condition must be False when Stalled'],
  ['FAIL0005', 'Only one of Reconciling condition or Stalled'],
  ['FAIL0006', 'The ObservedGeneration must be less than or equal'],
  ['FAIL0007', 'Ready condition must be False when the ObservedGeneration'],
  ['FAIL0008', "Ready condition must be False when any of the status condition's"],
  ['FAIL0009', "The status conditions' ObservedGenerations must be equal"],
  ['FAIL0011', 'A mid-reconciliation patched status must have Reconciling=True'],
  ['WARN0001', 'Negative polarity condition present when Ready'],
  ['WARN0003', 'Reconciling condition can be removed'],
  ['WARN0004', 'Stalled condition can be removed'],
  ['WARN0005', 'Missing ObservedGeneration from status condition'],
];

function coded(said: readonly string[]): readonly string[] {
  return said.map((text) => sentences.find(([, start]) => text.startsWith(start))?.[0] ?? text);
}

const oracle = ({ rules, fails, warns, kstatus: by }: StatusVerdict) => ({
  rules,
  fails: coded(fails),
  warns: coded(warns),
  kstatus: by,
});
const ours = (object: KubeObject) => ({ ...fluxVerdict(object), kstatus: kstatus(object) });

const condition = fc.record(
  {
    type: fc.constantFrom('Ready', 'Reconciling', 'Stalled', 'Accepted'),
    status: fc.constantFrom('True', 'False', 'Unknown'),
    observedGeneration: fc.integer({ min: 0, max: 3 }),
    reason: fc.constant('Because'),
    message: fc.constant('so'),
    lastTransitionTime: fc.constant('2026-01-01T00:00:00Z'),
  },
  { requiredKeys: ['type', 'status', 'reason', 'message', 'lastTransitionTime'] },
);

const anyObject = fc
  .record({
    generation: fc.integer({ min: 1, max: 3 }),
    deleted: fc.boolean().map((deleted) => (deleted ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {})),
    status: fc.record(
      {
        observedGeneration: fc.integer({ min: -1, max: 3 }),
        conditions: fc.uniqueArray(condition, { selector: ({ type }) => type }),
      },
      { requiredKeys: [] },
    ),
  })
  .map(({ generation, deleted, status }): Reported => {
    const metadata = { name: 'a', namespace: 'shop', generation, ...deleted };
    return { apiVersion: 'evengate.dev/v1alpha1', kind: 'Route', metadata, status } as Reported;
  });

describeJudge('the conditions of a status', () => {
  let recorded: readonly Reported[] = [];
  beforeAll(async () => {
    recorded = await recordedStatuses();
  }, 120_000);

  test('as they were recorded: Flux fails none and warns of none, and ours says the same', () => {
    const verdicts = ask(recorded);
    expect(verdicts.filter(({ fails, warns }) => fails.length + warns.length > 0)).toEqual([]);
    expect(recorded.flatMap(statusFaults)).toEqual([]);
    expect(verdicts.map(oracle)).toEqual(recorded.map(ours));
    const seen = new Set(verdicts.map(({ kstatus: by }) => by));
    expect(seen).toEqual(new Set(['Current', 'InProgress', 'Failed']));
  });

  test('random ones: ours finds what Flux finds', () => {
    const objects = fc.sample(anyObject, fuzz(1500));
    expect(ask(objects).map(oracle)).toEqual(objects.map(ours));
  });

  test.each(['platform', 'shop'])('the health check expressions of %s say what kstatus says', (name) => {
    const verdicts = ask(recorded, `examples/gitops/flux/clusters/production/${name}.yaml`);
    expect(verdicts.map(({ health }) => health)).toEqual(verdicts.map(({ kstatus: by }) => by));
  });

  test('an object that nobody has reported on is in progress for both', () => {
    const metadata = { name: 'a', namespace: 'shop', generation: 1 };
    const fresh = { apiVersion: 'evengate.dev/v1alpha1', kind: 'Route', metadata, status: { observedGeneration: -1 } };
    const [said] = ask([fresh], 'examples/gitops/flux/clusters/production/shop.yaml');
    expect(said).toMatchObject({ kstatus: 'InProgress', health: 'InProgress' });
  });
});
