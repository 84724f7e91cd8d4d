import { expect, test } from '@jest/globals';
import { SkippingClock } from '../../testing/skipping-clock.ts';
import { subscription, waitForVersions } from './acknowledge.ts';

const root = subscription.rds('web', 'web');

/** An Envoy that has counted a failure for a reason, and takes the version after `looks` looks. */
function wait(reason: string, looks: number) {
  let left = looks;
  const stats = async (_: string, type = '') => {
    if (type === 'Counters') return new Map([[`${root}.update_failure`, 1]]);
    left -= 1;
    return new Map([[`${root}.version_text`, left < 0 ? 'b.2' : 'a.1']]);
  };
  return waitForVersions({
    admin: { stats },
    expected: new Map([[root, 'b.2']]),
    before: { refused: new Map(), mark: 0 },
    log: { mark: () => 0, since: async () => [`[warning][config] Filesystem config update failure: ${reason}`] },
    clock: new SkippingClock(),
  });
}

const broken = 'in /xds/..data/rds-web.json, Unable to parse JSON as proto (no)';
const gone = 'in /xds/..data/rds-web.pb, Invalid path: /xds/..data/rds-web.pb';

test('what was counted and stands is a refusal', async () => {
  expect(await wait(broken, 50)).toEqual({
    acknowledged: false,
    rejected: [{ subscription: root, detail: broken }],
    pending: [],
  });
});

test('what a draining listener says of a file that is gone is none', async () => {
  expect(await wait(gone, 50)).toEqual({ acknowledged: true });
});

test('what is neither taken nor refused in time is pending', async () => {
  expect(await wait(gone, Infinity)).toEqual({ acknowledged: false, rejected: [], pending: [root] });
});
