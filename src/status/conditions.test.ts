import { describe, expect, test } from '@jest/globals';
import type { Condition } from '../kube/object.ts';
import { conditionsFor, type Owned, partConditions, programmed } from './conditions.ts';
import type { Finding, Reason } from './finding.ts';

function finding(reason: Reason, at: string, more: Partial<Finding> = {}): Finding {
  const about = { kind: 'Route', namespace: 'shop', name: 'orders' };
  return { about, severity: 'error', reason, at, message: `wrong at ${at}`, remedy: 'Mend it', ...more };
}

/** `Accepted=False/Invalid`, one a condition. */
function brief(conditions: readonly Condition[]): readonly string[] {
  return conditions.map(({ type, status, reason }) => `${type}=${status}/${reason}`);
}

function messageOf(conditions: readonly Condition[], wanted: string): string | undefined {
  return conditions.find(({ type }) => type === wanted)?.message;
}

const served = programmed({ revision: 'r1', envoys: { loaded: 2, ready: 2 } });
const all: Owned = { Accepted: 'from findings', ResolvedRefs: 'from findings', Programmed: served };
const waiting: Owned = { ...all, Programmed: programmed(undefined) };

describe('conditions from findings', () => {
  test.each<[string, Owned, readonly Finding[], readonly string[]]>([
    [
      'nothing wrong',
      all,
      [],
      ['Accepted=True/Accepted', 'Programmed=True/Programmed', 'Ready=True/Ready', 'ResolvedRefs=True/ResolvedRefs'],
    ],
    [
      'not accepted, so it is stalled: waiting longer mends nothing',
      all,
      [finding('Invalid', 'spec')],
      [
        'Accepted=False/Invalid',
        'Programmed=True/Programmed',
        'Ready=False/Invalid',
        'ResolvedRefs=True/ResolvedRefs',
        'Stalled=True/Invalid',
      ],
    ],
    [
      'not accepted for want of another object, which may still come: that stalls nothing',
      { Accepted: 'from findings' },
      [finding('TargetNotFound', 'spec.targetRefs[0]'), finding('NoMatchingParent', 'spec.parentRefs[0]')],
      ['Accepted=False/NoMatchingParent', 'Ready=False/NoMatchingParent'],
    ],
    [
      '… but what is wrong beside it does',
      { Accepted: 'from findings' },
      [finding('TargetNotFound', 'spec.targetRefs[0]'), finding('Invalid', 'spec.to')],
      ['Accepted=False/TargetNotFound', 'Ready=False/TargetNotFound', 'Stalled=True/Invalid'],
    ],
    [
      'a reference that may still come stalls nothing',
      all,
      [finding('BackendNotFound', 'spec')],
      [
        'Accepted=True/Accepted',
        'Programmed=True/Programmed',
        'Ready=False/BackendNotFound',
        'ResolvedRefs=False/BackendNotFound',
      ],
    ],
    [
      'what only Ready knows',
      all,
      [finding('NotCovered', 'spec')],
      [
        'Accepted=True/Accepted',
        'Programmed=True/Programmed',
        'Ready=False/NotCovered',
        'ResolvedRefs=True/ResolvedRefs',
      ],
    ],
    [
      'not delivered yet',
      waiting,
      [],
      [
        'Accepted=True/Accepted',
        'Programmed=Unknown/Pending',
        'Ready=Unknown/Pending',
        'Reconciling=True/Pending',
        'ResolvedRefs=True/ResolvedRefs',
      ],
    ],
    [
      'stalled and not delivered: never both',
      waiting,
      [finding('Invalid', 'spec')],
      [
        'Accepted=False/Invalid',
        'Programmed=Unknown/Pending',
        'Ready=False/Invalid',
        'ResolvedRefs=True/ResolvedRefs',
        'Stalled=True/Invalid',
      ],
    ],
    [
      'a warning turns nothing false',
      { Accepted: 'from findings' },
      [finding('UnsupportedValue', 'spec', { severity: 'warning' })],
      ['Accepted=True/Accepted', 'Ready=True/Ready'],
    ],
    [
      '… but Ready, when the object has no effect',
      { Accepted: 'from findings' },
      [finding('NotGuarding', 'spec', { severity: 'warning' })],
      ['Accepted=True/Accepted', 'Ready=False/NotGuarding'],
    ],
    [
      'Shadow is what was asked for',
      { Accepted: 'from findings', EdgeEnforced: { status: 'False', reason: 'Shadow', message: 'Counted.' } },
      [],
      ['Accepted=True/Accepted', 'EdgeEnforced=False/Shadow', 'Ready=True/Ready'],
    ],
  ])('%s', (_, owned, findings, expected) => {
    expect(brief(conditionsFor(owned, findings, undefined))).toEqual(expected);
  });

  test('the first by field path gives the reason, and each has its line', () => {
    const conditions = conditionsFor(
      { Accepted: 'from findings' },
      [
        finding('Invalid', 'spec.rules[10]'),
        finding('Unsatisfiable', 'spec.rules[2].matches'),
        finding('Conflicted', ''),
        finding('Conflicted', ''),
        finding('UnsupportedValue', 'spec.rules[2]'),
      ],
      undefined,
    );
    expect(brief(conditions)).toContain('Accepted=False/Conflicted');
    expect(messageOf(conditions, 'Accepted')?.split('\n')).toEqual([
      'wrong at . Mend it.',
      'spec.rules[2]: wrong at spec.rules[2]. Mend it.',
      'spec.rules[2].matches: wrong at spec.rules[2].matches. Mend it.',
      'spec.rules[10]: wrong at spec.rules[10]. Mend it.',
    ]);
    expect(messageOf(conditions, 'Ready')).toBe(messageOf(conditions, 'Accepted'));
  });

  test('Ready says all that keeps it from being true', () => {
    const findings = [finding('NotCovered', 'spec.rules[0]'), finding('BackendNotFound', 'spec.rules[1]')];
    const conditions = conditionsFor(waiting, findings, undefined);
    expect(messageOf(conditions, 'Ready')).toBe(
      'spec.rules[1]: wrong at spec.rules[1]. Mend it.\nspec.rules[0]: wrong at spec.rules[0]. Mend it.',
    );
  });

  test('every condition has the generation, if the object has one', () => {
    const conditions = conditionsFor(waiting, [], 7);
    expect(conditions.map(({ observedGeneration }) => observedGeneration)).toEqual(conditions.map(() => 7));
    expect(conditionsFor(waiting, [], undefined).some((condition) => 'observedGeneration' in condition)).toBe(false);
  });

  test('a long message is cut where the API server would refuse it, and never within a character', () => {
    for (const filler of ['x', '😀', 'a😀']) {
      const [accepted] = conditionsFor(
        { Accepted: 'from findings' },
        [finding('Invalid', '', { message: filler.repeat(40_000) })],
        undefined,
      );
      expect(accepted?.message.length).toBeLessThanOrEqual(32_768);
      expect(accepted?.message.length).toBeGreaterThan(32_700);
      expect(accepted?.message.isWellFormed()).toBe(true);
      expect(accepted?.message.endsWith('…')).toBe(true);
    }
  });

  test('parts of an object have no summary', () => {
    expect(brief(partConditions(waiting, [finding('Invalid', '')], 1))).toEqual([
      'Accepted=False/Invalid',
      'Programmed=Unknown/Pending',
      'ResolvedRefs=True/ResolvedRefs',
    ]);
  });
});

describe('Programmed', () => {
  test.each([
    [undefined, 'Unknown/Pending', 'Not delivered'],
    [{ revision: 'r1' }, 'Unknown/Pending', 'Not delivered'],
    [{ revision: 'r1', envoys: { loaded: 0, ready: 0 } }, 'Unknown/Pending', '0/0 Envoys serve revision r1'],
    [{ revision: 'r1', envoys: { loaded: 1, ready: 2 } }, 'Unknown/Pending', '1/2 Envoys serve revision r1'],
    [{ revision: 'r1', envoys: { loaded: 2, ready: 2 } }, 'True/Programmed', '2/2 Envoys serve revision r1'],
    [{ revision: 'r1', envoys: { loaded: 2, ready: 2 }, rejected: 'no' }, 'False/Rejected', 'no'],
  ])('%j', (delivery, expected, message) => {
    const verdict = programmed(delivery);
    expect([`${verdict.status}/${verdict.reason}`, verdict.message]).toEqual([expected, message]);
  });
});

test("Flux's own rules hold for every combination (fluxcd/pkg runtime/conditions/check)", () => {
  const reasonsToTry: readonly (Reason | undefined)[] = [undefined, 'Invalid', 'BackendNotFound', 'NotCovered'];
  for (const reason of reasonsToTry) {
    for (const owned of [all, waiting, { ...all, Programmed: programmed({ revision: 'r', rejected: 'no' }) }]) {
      const conditions = conditionsFor(owned, reason === undefined ? [] : [finding(reason, '')], 1);
      const status = (wanted: string) => conditions.find(({ type }) => type === wanted)?.status;
      const negatives = [status('Reconciling'), status('Stalled')];
      expect(status('Ready')).toBeDefined();
      expect(negatives).not.toContain('False');
      if (negatives.includes('True')) expect(status('Ready')).not.toBe('True');
      expect(negatives.filter((one) => one === 'True').length).toBeLessThanOrEqual(1);
      if (status('Ready') === 'Unknown') expect(status('Reconciling')).toBe('True');
    }
  }
});

describe('conditions that Ready does not wait for', () => {
  const beside = (status: 'True' | 'False' | 'Unknown', reason: string) =>
    conditionsFor(all, [], 1, { MeshEnforced: { status, reason, message: 'why' } });
  const otherwise = 'All else is in effect; MeshEnforced tells what is not.';

  test.each([
    ['True', 'Full', 'All is in effect.'],
    ['False', 'Shadow', 'All is in effect.'],
    ['False', 'NotEnrolled', otherwise],
    ['Unknown', 'Pending', otherwise],
  ] as const)('%s %s', (status, reason, message) => {
    const conditions = beside(status, reason);
    expect(brief(conditions)).toEqual([
      'Accepted=True/Accepted',
      `MeshEnforced=${status}/${reason}`,
      'Programmed=True/Programmed',
      'Ready=True/Ready',
      'ResolvedRefs=True/ResolvedRefs',
    ]);
    expect(messageOf(conditions, 'Ready')).toBe(message);
  });
});
