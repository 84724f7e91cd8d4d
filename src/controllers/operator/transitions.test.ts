import { expect, test } from '@jest/globals';
import type { Condition } from '../../kube/object.ts';
import { isWorse, type StoredStatus } from './transitions.ts';

function status(...conditions: readonly (readonly [string, Condition['status'], string])[]): StoredStatus {
  const common = { observedGeneration: 1, message: '', lastTransitionTime: '2026-01-01T00:00:00Z' };
  return { conditions: conditions.map(([type, is, reason]) => ({ ...common, type, status: is, reason })) };
}

test.each([
  ['refused now', status(['Programmed', 'False', 'NotProgrammed']), true],
  ['waited for', status(['Programmed', 'Unknown', 'Pending']), false],
  ['wrong as it was', status(['Programmed', 'True', 'Programmed'], ['ResolvedRefs', 'False', 'InvalidKind']), false],
  ['wrong in another way', status(['ResolvedRefs', 'False', 'BackendNotFound']), true],
])('what becomes worse is told without patience: %s', (_, fresh, worse) => {
  const before = status(['Programmed', 'True', 'Programmed'], ['ResolvedRefs', 'False', 'InvalidKind']);
  expect(isWorse(before, fresh)).toBe(worse);
});
