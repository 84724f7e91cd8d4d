import { expect, test } from '@jest/globals';
import type { Limit } from '../../ir/guard.ts';
import { localRateLimit } from './edge.ts';

const policy = { kind: 'RateLimitPolicy', namespace: 'shop', name: 'orders' };
const limit: Limit = { id: 'a', policy, name: 'all', requests: 5, seconds: 60, by: [], mode: 'Enforce' };

test('a listener without limits tells nobody of any', () => {
  expect(localRateLimit([], [])).not.toHaveProperty('enable_x_ratelimit_headers');
  expect(localRateLimit([limit], [])).toHaveProperty('enable_x_ratelimit_headers', 'DRAFT_VERSION_03');
});
