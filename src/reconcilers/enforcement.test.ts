import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { type Mesh, type MeshReport, noMesh } from '../ir/mesh.ts';
import { emptySnapshot } from '../kube/snapshot.ts';
import { resolver } from '../resolve/resolve.ts';
import { type Finding, reasons } from '../status/finding.ts';
import { enforcementOf, enforcementReasons, enforcementStatus, meshVerdict, mostPoints } from './enforcement.ts';
import type { WorkloadState, WorkloadStates } from './mesh.ts';
import { statusWorld } from './world.ts';

const policy = { kind: 'AuthPolicy', namespace: 'shop', name: 'orders' };
const report = (more: Partial<MeshReport>): MeshReport => ({
  policy,
  workload: 'shop/orders',
  point: 'sidecar',
  reason: 'Full',
  rules: [],
  message: '',
  ...more,
});
const applied: WorkloadState = { kind: 'applied' };

function enforcement(reports: readonly MeshReport[], states?: Readonly<Record<string, WorkloadState>>) {
  const mesh: Mesh = { ...noMesh, reports: new Map([['shop/orders', reports]]) };
  const workloads: WorkloadStates | undefined = states && new Map(Object.entries(states));
  const world = statusWorld({ ...resolver()(emptySnapshot), mesh }, [], workloads && { workloads });
  return enforcementOf('shop/orders', world);
}

const verdict = (...given: Parameters<typeof enforcement>) => {
  const found = meshVerdict(enforcement(...given), []);
  return found && `${found.status} ${found.reason}: ${found.message}`;
};

describe('whether the mesh enforces a policy', () => {
  test('is nobody’s business where no mesh has a part in it', () => {
    expect(verdict([])).toBeUndefined();
  });

  test('is said of what would be, where nobody writes', () => {
    expect(verdict([report({})])).toBe('True Full: sidecar of Service shop/orders: Full: every rule is enforced.');
  });

  test.each<readonly [WorkloadState | undefined, string]>([
    [applied, 'True Full: sidecar of Service shop/orders: Full: every rule is enforced.'],
    [undefined, 'Unknown Pending: sidecar of Service shop/orders: Pending: its objects are not written yet.'],
    [{ kind: 'waiting', message: 'it waits' }, 'Unknown Pending: sidecar of Service shop/orders: Pending: it waits.'],
    [
      { kind: 'taken', message: 'theirs' },
      'False MeshConflict: sidecar of Service shop/orders: MeshConflict: theirs. Delete or rename that object, or keep whoever changes it from it.',
    ],
    [
      { kind: 'refused', message: 'no' },
      'False NotApplied: sidecar of Service shop/orders: NotApplied: no. Do what the API server asks for; it is tried again.',
    ],
    [
      { kind: 'missing', message: 'no CRD' },
      'False IstioMissing: sidecar of Service shop/orders: IstioMissing: no CRD. Install Istio with its CRDs; the operator goes on by itself.',
    ],
    [
      { kind: 'applied', against: { sidecar: { reason: 'NotTranslatable', message: 'not that' } } },
      'False NotTranslatable: sidecar of Service shop/orders: NotTranslatable: not that.',
    ],
    [
      { kind: 'applied', against: { sidecar: { reason: 'Pending', message: 'nothing answers' } } },
      'Unknown Pending: sidecar of Service shop/orders: Pending: nothing answers.',
    ],
    [
      { kind: 'applied', against: { ztunnel: { reason: 'NotTranslatable', message: 'elsewhere' } } },
      'True Full: sidecar of Service shop/orders: Full: every rule is enforced.',
    ],
  ])('%j', (state, expected) => {
    expect(verdict([report({})], state === undefined ? {} : { 'shop/orders': state })).toBe(expected);
  });

  test('is as the worst of all places, each with its line, and a limit that is declared is none', () => {
    const partly = report({ reason: 'PartlyAtEdge', rules: ['a'], message: 'rule a asks for more' });
    const alone = { reason: 'NotEnrolled', message: 'no proxy', remedy: 'Give it one' } as const;
    const open = report({ workload: 'shop/billing', ...alone });
    const states = { 'shop/orders': applied, 'shop/billing': applied };
    // What to do is said once.
    expect(verdict([open, report({ workload: 'shop/pay', ...alone })], { ...states, 'shop/pay': applied })).toBe(
      'False NotEnrolled: sidecar of Service shop/billing: NotEnrolled: no proxy. Give it one.\n' +
        'sidecar of Service shop/pay: NotEnrolled: no proxy.',
    );
    expect(verdict([partly], states)).toBe(
      'True PartlyAtEdge: sidecar of Service shop/orders: PartlyAtEdge: rule a asks for more.',
    );
    expect(verdict([partly, open], states)).toBe(
      'False NotEnrolled: sidecar of Service shop/billing: NotEnrolled: no proxy. Give it one.\n' +
        'sidecar of Service shop/orders: PartlyAtEdge: rule a asks for more.',
    );
  });

  test('is False where something was found, though each place enforces what is left of it', () => {
    const finding: Finding = {
      about: policy,
      severity: 'error',
      reason: 'MeshConflict',
      at: '',
      message: 'two of them',
      remedy: 'Mend one',
    };
    expect(meshVerdict(enforcement([report({})]), [finding])?.reason).toBe('MeshConflict');
  });

  test('has a list of places, the worst first, and no more than a status holds', () => {
    const reports = Array.from({ length: 40 }, (_, index) => report({ workload: `shop/s${index + 10}` }));
    const places = enforcement([...reports, report({ workload: 'shop/x', reason: 'Overridden', message: 'opened' })]);
    expect(places.slice(0, mostPoints).map(enforcementStatus).slice(0, 2)).toEqual([
      { point: 'sidecar', workload: 'shop/x', enforced: false, reason: 'Overridden', message: 'opened' },
      { point: 'sidecar', workload: 'shop/s10', enforced: true, reason: 'Full' },
    ]);
    expect(meshVerdict(places, [])?.message.split('\n').at(-1)).toBe('… and 25 more');
  });
});

test('the documentation has every reason, with what to do', () => {
  const [, chapter = ''] = readFileSync('docs/troubleshooting.md', 'utf8').split(
    '### The mesh does not enforce a policy',
  );
  const [table = ''] = chapter.split('###');
  const found = Object.entries(reasons).flatMap(([reason, { condition }]) =>
    condition === 'MeshEnforced' ? [reason] : [],
  );
  const all = [...found, ...enforcementReasons].filter((reason) => reason !== 'Full');
  expect(all.filter((reason) => !new RegExp(`^\\|[^|]*\`${reason}\``, 'm').test(table))).toEqual([]);
});
