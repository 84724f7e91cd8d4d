import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../kube/object.ts';
import { isApplied, marked } from './drift.ts';

function deployment(spec: object): KubeObject {
  return marked({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'edge', namespace: 'shop' }, spec });
}

const wanted = deployment({ replicas: 2, containers: [{ name: 'envoy', limits: { cpu: '0.5', memory: '1Gi' } }] });

function live(spec: object, metadata: object = {}): KubeObject {
  return { ...wanted, metadata: { ...wanted.metadata, uid: '1', resourceVersion: '7', ...metadata }, spec };
}

describe('an object is as it was applied', () => {
  test.each([
    ['as it is', { replicas: 2, containers: [{ name: 'envoy', limits: { cpu: '0.5', memory: '1Gi' } }] }],
    [
      'with defaults, and quantities in the words of the API server',
      {
        replicas: 2,
        paused: false,
        containers: [{ name: 'envoy', tty: false, limits: { cpu: '500m', memory: '1Gi' } }],
      },
    ],
  ])('%s', (_, spec) => {
    expect(isApplied(wanted, live(spec))).toBe(true);
  });

  test.each([
    ['another value', { replicas: 3, containers: [{ name: 'envoy', limits: { cpu: '0.5', memory: '1Gi' } }] }],
    ['another quantity', { replicas: 2, containers: [{ name: 'envoy', limits: { cpu: '0.6', memory: '1Gi' } }] }],
    ['another item', { replicas: 2, containers: [{ name: 'envoy', limits: { cpu: '0.5', memory: '1Gi' } }, {}] }],
    ['a field less', { containers: [{ name: 'envoy', limits: { cpu: '0.5', memory: '1Gi' } }] }],
  ])('not with %s', (_, spec) => {
    expect(isApplied(wanted, live(spec))).toBe(false);
  });

  test('not where it says more than is wanted now: the hash tells', () => {
    const less = deployment({ containers: [{ name: 'envoy', limits: { cpu: '0.5', memory: '1Gi' } }] });
    expect(isApplied(less, live(wanted.spec as object))).toBe(false);
  });

  test('where what is empty is left out', () => {
    const one = deployment({ replicas: 1, list: [], map: {}, text: '', flag: false });
    expect(isApplied(one, { ...one, spec: { replicas: 1 } })).toBe(true);
  });
});

test.each([
  ['a Service', { spec: { selector: { a: '1' } } }, { spec: { selector: { a: '1', b: '2' } } }],
  [
    'a NetworkPolicy',
    { spec: { podSelector: { matchLabels: { a: '1' } } } },
    { spec: { podSelector: { matchLabels: { a: '1', b: '2' } } } },
  ],
])('what somebody adds to the selector of %s is a difference', (_, spec, live) => {
  const object = (content: object) => ({ apiVersion: 'v1', kind: 'Any', metadata: { name: 'a' }, ...content });
  const { metadata } = marked(object(spec));
  expect(isApplied(marked(object(spec)), { ...object(spec), metadata })).toBe(true);
  expect(isApplied(marked(object(spec)), { ...object(live), metadata })).toBe(false);
});
