import { expect, test } from '@jest/globals';
import type { Guard } from '../ir/guard.ts';
import { parsePattern } from '../policy/pattern.ts';
import { peerAddressAdvice } from './advice.ts';

const policy = { kind: 'AuthPolicy', namespace: 'shop', name: 'office' };

function guardOn(kind: 'directIp' | 'remoteIp'): Guard {
  const constraint = { attribute: { kind }, negated: false, anyOf: [parsePattern('10.0.0.0/8')] };
  return {
    kind: 'guarded',
    covered: true,
    decision: { deny: [], allow: [{ constraints: [constraint], sources: [{ policy, rule: 'office' }] }] },
    issuers: [],
    policies: [policy],
    parts: [],
  };
}

test('ipBlocks behind a trusted proxy are pointed out, remoteIpBlocks and a real edge are not', () => {
  expect(peerAddressAdvice(guardOn('directIp'), 1)).toMatchObject([
    { about: policy, severity: 'warning', at: 'spec.authorize' },
  ]);
  expect(peerAddressAdvice(guardOn('directIp'), 0)).toEqual([]);
  expect(peerAddressAdvice(guardOn('remoteIp'), 1)).toEqual([]);
});
