import { expect, test } from '@jest/globals';
import type { KubeObject } from '../kube/object.ts';
import { type KstatusResult, kstatus, statusFaults } from './status-rules.ts';

const at = '2026-01-01T00:00:00Z';

function objectWith(conditions: Readonly<Record<string, string>>, more: object = {}): KubeObject {
  const all = Object.entries(conditions).map(([type, status]) => ({
    type,
    status,
    reason: 'Because',
    message: '',
    observedGeneration: 2,
    lastTransitionTime: at,
  }));
  const status = { observedGeneration: 2, conditions: all, ...more };
  return {
    apiVersion: 'v1',
    kind: 'Any',
    metadata: { name: 'a', namespace: 'b', generation: 2 },
    status,
  } as KubeObject;
}

test.each<[KstatusResult, KubeObject]>([
  ['Current', objectWith({ Ready: 'True' })],
  ['InProgress', objectWith({ Ready: 'Unknown', Reconciling: 'True' })],
  ['Failed', objectWith({ Ready: 'False', Stalled: 'True' })],
  ['InProgress', objectWith({ Ready: 'False' })],
  ['InProgress', objectWith({ Ready: 'True' }, { observedGeneration: 1 })],
  ['InProgress', objectWith({}, { conditions: undefined, observedGeneration: -1 })],
])('kstatus: %s', (expected, object) => {
  expect(kstatus(object)).toBe(expected);
});

test.each<[readonly string[], KubeObject]>([
  [[], objectWith({ Ready: 'True' })],
  [[], objectWith({ Ready: 'False', Stalled: 'True' })],
  [['FAIL0002', 'FAIL0011'], objectWith({ Accepted: 'True' })],
  [['FAIL0001', 'FAIL0004', 'WARN0001'], objectWith({ Ready: 'True', Stalled: 'True' })],
  [['FAIL0005'], objectWith({ Ready: 'False', Stalled: 'True', Reconciling: 'True' })],
  [['FAIL0011'], objectWith({ Ready: 'Unknown' })],
  [['FAIL0006', 'FAIL0009', 'another generation'], objectWith({ Ready: 'True' }, { observedGeneration: 3 })],
])('faults: %j', (expected, object) => {
  const found = statusFaults(object);
  expect(found).toHaveLength(expected.length);
  for (const [index, text] of expected.entries()) expect(found[index]).toContain(text);
});
