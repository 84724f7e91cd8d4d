/** What is written while nobody knows what Envoys serve. */
import { expect, test } from '@jest/globals';
import type { AuthorizationPolicy, SecurityObject } from '../../../istio/security.ts';
import { meshObjects } from '../../../render/mesh.ts';
import { resolver } from '../../../resolve/resolve.ts';
import { snapshotOf } from '../../../testing/build.ts';
import { meshedShop } from '../../../testing/operator/meshed-shop.ts';
import { isClosing } from './kept.ts';
import { whileUnknown } from './travelling.ts';

const resolution = resolver()(snapshotOf([...meshedShop()]));
const [workload, gateway] = [resolution.mesh.workloads.get('shop/orders'), resolution.gateways.get('shop/edge')];
if (workload === undefined || gateway === undefined) throw new Error('there is no mesh');
const edge = { key: 'shop/edge', gateway, served: undefined, besides: () => [] } as const;
const desired = meshObjects(workload, resolution.className);
const [allow] = desired.filter(isClosing);
const [rule] = allow?.spec?.rules ?? [];
if (allow === undefined || rule === undefined) throw new Error('nothing is closed');

/** As it is there: with a rule for the edge that is to go. */
function there(app: string): AuthorizationPolicy {
  const more = { ...rule, to: [{ operation: { paths: ['/before'] } }] };
  const selector = { matchLabels: { app } };
  return {
    ...(allow as AuthorizationPolicy),
    spec: { ...allow?.spec, rules: [...(allow?.spec?.rules ?? []), more], selector },
  };
}

const written = (stored: AuthorizationPolicy): readonly SecurityObject[] =>
  whileUnknown(desired, [stored], [edge]).filter(isClosing);

test('nothing, where all that is to be admitted is', () => {
  expect(written(there('orders'))).toEqual([]);
});

test('about the Pods that a Service selects now, with all that was admitted for the edge', () => {
  const stored = there('before');
  expect(written(stored)).toEqual([{ ...allow, spec: { ...allow.spec, rules: stored.spec?.rules } }]);
});
