import { expect, test } from '@jest/globals';
import { resolver } from '../resolve/resolve.ts';
import { authPolicy, gateway, route, service, snapshotOf } from '../testing/build.ts';
import { statusOf } from './statuses.ts';
import { statusWorld } from './world.ts';

const inside = (name: string) => ({ name, from: [{ serviceAccounts: [`billing/${name}`] }] });
const reading = { name: 'reading', to: [{ methods: ['GET'] }] };

test.each<[string, object, string]>([
  ['rules for outside', { allow: [reading] }, 'All rules (1) are enforced at the edge.'],
  [
    'rules for both',
    { allow: [reading, inside('batch')], deny: [inside('old')] },
    'The other rules (1) are enforced at the edge. Callers inside the mesh do not come by the edge, so it has nothing to do with batch, old.',
  ],
  [
    'a rule for either',
    { allow: [{ name: 'mixed', from: [{ ipBlocks: ['10.0.0.0/8'] }, { namespaces: ['billing'] }] }] },
    'All rules (1) are enforced at the edge.',
  ],
  [
    'rules for inside',
    { allow: [inside('a'), inside('b'), inside('c'), inside('d')] },
    'Callers inside the mesh do not come by the edge, so it has nothing to do with a, b, c, +1.',
  ],
])('what the edge enforces of %s', (_, authorize, expected) => {
  const policy = authPolicy({ authorize });
  const resolution = resolver()(snapshotOf([gateway(), service(), route(), policy]));
  const status = statusOf('AuthPolicy', policy, statusWorld(resolution, []));
  const condition = status?.conditions.find(({ type }) => type === 'EdgeEnforced');
  expect([condition?.status, condition?.message]).toEqual(['True', expected]);
});
