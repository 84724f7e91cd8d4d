import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { resources } from '../../kube/resources.ts';
import { FakeClock } from '../fake-clock.ts';
import {
  closesAfter,
  dropsEvents,
  endsMidLine,
  type Fault,
  freezes,
  garblesEvents,
  joinsEvents,
  resetsMidLine,
  sendsError,
  splitsEvents,
} from './faults.ts';
import { type KubeApi, startKubeApi } from './index.ts';
import { openWatch, request } from './raw-client.ts';

const clock = new FakeClock();
let api: KubeApi;
beforeEach(async () => {
  api = await startKubeApi({ clock });
});
afterEach(() => api.stop());

const path = '/api/v1/namespaces/shop/configmaps';
const call = (options?: Parameters<typeof request>[1], query = '') => request(`${api.url}${path}${query}`, options);
const configMap = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'shop' } });

function strike(fault: Fault, times = 1) {
  return api.faults.add({ match: ({ resource }) => resource === 'configmaps', times, fault });
}

const watching = () => openWatch(`${api.url}${path}?watch=1&resourceVersion=${api.revision}`);
const eventOf = (name: string) =>
  expect.objectContaining({ object: expect.objectContaining({ metadata: expect.objectContaining({ name }) }) });

describe('answers', () => {
  test('a refusal, as often as told, with the time to wait', async () => {
    const fault = strike({ kind: 'refuse', code: 429, retryAfterSeconds: 7 }, 2);
    const answers = [await call(), await call(), await call()];
    expect(answers.map(({ code }) => code)).toEqual([429, 429, 200]);
    expect(answers[0]?.headers.get('retry-after')).toBe('7');
    expect(answers[0]?.body).toMatchObject({ reason: 'TooManyRequests', details: { retryAfterSeconds: 7 } });
    expect(fault.hits).toBe(2);
    expect(api.requests).toHaveLength(3);
  });

  test('a write is done and its answer lost; another is never done', async () => {
    strike({ kind: 'lose-answer' });
    await expect(call({ as: 'object', body: configMap('a') })).rejects.toThrow();
    strike({ kind: 'reset' });
    await expect(call({ as: 'object', body: configMap('b') })).rejects.toThrow();
    expect(api.list(resources.ConfigMap).map(({ metadata }) => metadata.name)).toEqual(['a']);
    expect(api.writes).toHaveLength(1);
  });

  test('none until released', async () => {
    const fault = strike({ kind: 'hang' });
    const answer = call();
    await api.until('the request', () => fault.hits === 1);
    fault.release();
    expect((await answer).code).toBe(200);
  });

  test("late by the server's clock", async () => {
    const fault = strike({ kind: 'delay', ms: 60_000 });
    const answer = call();
    await api.until('the request', () => fault.hits === 1);
    await clock.advance(60_000);
    expect((await answer).code).toBe(200);
  });

  test('no JSON; an empty list; an older one', async () => {
    api.create(configMap('a'));
    const { revision } = api;
    api.create(configMap('b'));
    strike({ kind: 'garble', body: '{"items":[' });
    expect((await call()).body).toBe('{"items":[');
    strike({ kind: 'empty-list' });
    expect((await call()).body).toMatchObject({ items: [], metadata: { resourceVersion: `${api.revision}` } });
    strike({ kind: 'as-of', revision });
    const older = (await call()).body;
    expect(older.metadata.resourceVersion).toBe(`${revision}`);
    expect(older.items).toHaveLength(1);
  });

  test('rights are denied in the words of RBAC', async () => {
    const strict = await startKubeApi({ authorize: ({ verb }) => verb !== 'list' });
    try {
      expect(await request(`${strict.url}${path}`)).toMatchObject({
        code: 403,
        body: {
          reason: 'Forbidden',
          message:
            'configmaps is forbidden: User "system:serviceaccount:evengate-system:evengate" cannot list resource "configmaps" in API group "" in the namespace "shop"',
        },
      });
    } finally {
      await strict.stop();
    }
  });

  test('nobody listens, and then again on the same port', async () => {
    await api.goDown();
    await expect(call()).rejects.toThrow();
    await api.comeBack();
    expect((await call()).code).toBe(200);
  });
});

describe('streams', () => {
  test('close after some events', async () => {
    strike(closesAfter(1));
    const watch = await watching();
    api.create(configMap('a'));
    expect(await watch.ended).toBe('closed');
    expect(watch.events).toEqual([eventOf('a')]);
  });

  test.each([
    [resetsMidLine, 'broken'],
    [endsMidLine, 'closed'],
  ] as const)('break in the middle of a line', async (fault, end) => {
    strike(fault);
    const watch = await watching();
    api.create(configMap('a'));
    expect(await watch.ended).toBe(end);
    expect(watch.text).toMatch(/^\{"type":"ADDED"/);
    expect(watch.text).not.toContain('\n');
  });

  test.each([410, 500])('tell an ERROR of code %d', async (code) => {
    strike(sendsError(code));
    const watch = await watching();
    expect(await watch.ended).toBe('closed');
    expect(watch.events).toMatchObject([{ type: 'ERROR', object: { code } }]);
  });

  test('join, split and garble events', async () => {
    strike(joinsEvents(2));
    const joined = await watching();
    strike(splitsEvents(3));
    const split = await watching();
    strike(garblesEvents('}{'));
    const garbled = await watching();
    api.create(configMap('a'));
    api.create(configMap('b'));
    await api.until('all events', () => [joined, split].every(({ events }) => events.length === 2));
    expect(split.events).toEqual(joined.events);
    await api.until('garbled text', () => garbled.text.split('\n').length === 5);
    expect(garbled.text.split('\n').filter((line) => line === '}{')).toHaveLength(2);
  });

  test('lose events, or hold them back', async () => {
    strike(dropsEvents(({ type }) => type === 'ADDED'));
    const lossy = await watching();
    strike(freezes);
    const frozen = await watching();
    api.create(configMap('a'));
    api.patch(configMap('a'), { data: { x: '1' } });
    await api.until('one event', () => lossy.events.length === 1);
    expect(lossy.events).toMatchObject([{ type: 'MODIFIED' }]);
    expect(frozen.events).toEqual([]);
    for (const stream of api.watches(resources.ConfigMap)) stream.thaw();
    await api.until('two events', () => frozen.events.length === 2);
  });

  test('can be struck while open', async () => {
    const watch = await watching();
    await api.until('the watch', () => api.watches(resources.ConfigMap).length === 1);
    for (const stream of api.watches()) stream.reset();
    expect(await watch.ended).toBe('broken');
    await api.until('no watch', () => api.watches().length === 0);
  });
});
