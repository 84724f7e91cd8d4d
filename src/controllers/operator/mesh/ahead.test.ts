import { expect, test } from '@jest/globals';
import type { MeshWorkload } from '../../../ir/mesh.ts';
import type { ObjectKey } from '../../../kube/object.ts';
import { FakeClock } from '../../../testing/fake-clock.ts';
import { Ahead } from './ahead.ts';

const edge: ObjectKey = 'gateways/edge';
const workload = (key: ObjectKey) => ({ key }) as MeshWorkload;
const all = () => true;

test('an edge waits for what it reaches: until it was looked at, and a little longer where Istio was told something', async () => {
  const clock = new FakeClock();
  const ahead = new Ahead(clock);
  const [orders, billing] = [workload('shop/orders'), workload('shop/billing')];
  ahead.changed(orders);
  ahead.changed(billing);
  const left = () => ahead.leftMs(edge, all);
  expect([left() > 0, ahead.leftMs(edge, () => false)]).toEqual([true, 0]);
  ahead.settled(orders, false);
  expect(ahead.leftMs(edge, (one) => one === orders)).toBe(0);
  ahead.settled(billing, true);
  expect(left()).toBe(300);
  await clock.advance(299);
  expect(left()).toBe(1);
  await clock.advance(1);
  expect(left()).toBe(0);
});

test('what is written later, for no change of it, holds nobody up', () => {
  const ahead = new Ahead(new FakeClock());
  const orders = workload('shop/orders');
  ahead.changed(orders);
  ahead.settled(orders, false);
  ahead.settled(orders, true);
  expect(ahead.leftMs(edge, all)).toBe(0);
});

test('what was begun before a workload changed again does not settle it; what is gone is waited for no more', () => {
  const ahead = new Ahead(new FakeClock());
  const [before, after] = [workload('shop/orders'), workload('shop/orders')];
  ahead.changed(before);
  ahead.changed(after);
  ahead.settled(before, false);
  expect(ahead.leftMs(edge, all)).toBeGreaterThan(0);
  ahead.gone(after.key);
  expect(ahead.leftMs(edge, all)).toBe(0);
});

test('whatever goes on in the mesh, an edge waits two seconds at most', async () => {
  const clock = new FakeClock();
  const ahead = new Ahead(clock);
  ahead.changed(workload('shop/orders'));
  let waited = 0;
  for (let left = ahead.leftMs(edge, all); left > 0; left = ahead.leftMs(edge, all)) {
    ahead.changed(workload('shop/orders'));
    await clock.advance(left);
    waited += left;
  }
  expect(waited).toBe(2000);
});
