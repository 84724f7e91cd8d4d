import { describe, expect, test } from '@jest/globals';
import type { ObjectRef } from '../../kube/object.ts';
import { amountOf } from './quantity.ts';
import { resolveWorkload } from './resolve.ts';
import type { WorkloadSpec } from './schema.ts';

const edge: ObjectRef = { kind: 'ApiGateway', namespace: 'gateways', name: 'edge' };

function said(spec: WorkloadSpec): readonly string[] {
  return resolveWorkload(edge, spec).findings.map(({ at, message }) => `${at}: ${message}`);
}

test('what is left open', () => {
  expect(resolveWorkload(edge)).toEqual({
    workload: {
      scale: { by: 'count', replicas: 2 },
      image: undefined,
      requests: { cpu: '100m', memory: '128Mi' },
      limits: {},
      memoryLimit: undefined,
      disruption: { maxUnavailable: 1 },
      drainSeconds: undefined,
      serviceAccountAnnotations: {},
      pods: {
        labels: {},
        annotations: {},
        nodeSelector: {},
        tolerations: [],
        affinity: undefined,
        spread: undefined,
        priorityClassName: undefined,
        imagePullSecrets: [],
      },
    },
    findings: [],
  });
});

describe('resources', () => {
  test('a limit stands for the request that is not written', () => {
    const { workload } = resolveWorkload(edge, { resources: { limits: { cpu: '50m', memory: '1Gi' } } });
    expect(workload).toMatchObject({ requests: {}, limits: { cpu: '50m', memory: '1Gi' }, memoryLimit: 2 ** 30 });
  });

  test('a request above its limit is said, and lowered to it', () => {
    const spec = { resources: { requests: { cpu: 1, memory: '1Gi' }, limits: { memory: '1G' } } };
    expect(said(spec)).toEqual([
      'spec.workload.resources.requests.memory: 1Gi of memory is more than the limit of 1G, which is requested instead',
    ]);
    expect(resolveWorkload(edge, spec).workload.requests).toEqual({ cpu: 1, memory: '1G' });
  });

  test.each([
    ['500m', 0.5],
    [2, 2],
    ['1.5', 1.5],
    ['128Mi', 134_217_728],
    ['1k', 1000],
    ['1Ki', 1024],
    ['3E', 3e18],
  ])('%s is %d', (quantity, amount) => {
    expect(amountOf(quantity)).toBe(amount);
  });
});

test.each([
  ['30s', 30, 0],
  ['1m500ms', 61, 0],
  ['1h', 3600, 0],
  ['1h1s', undefined, 1],
  ['0s', undefined, 1],
])('a drain of %s takes %p seconds', (terminationDrainDuration, seconds, findings) => {
  const resolved = resolveWorkload(edge, { terminationDrainDuration });
  expect([resolved.workload.drainSeconds, resolved.findings.length]).toEqual([seconds, findings]);
});

describe('labels and annotations', () => {
  test.each(['', 'a b', 'Example.com/a', 'a/b/c', '/a', 'a/', '-a', `${'a'.repeat(64)}`, `${'a'.repeat(254)}/a`])(
    'the key %j is left out, and said',
    (key) => {
      const spec = { template: { labels: { [key]: 'x', team: 'edge' } } };
      expect(resolveWorkload(edge, spec).workload.pods.labels).toEqual({ team: 'edge' });
      expect(said(spec)).toEqual([expect.stringMatching(/^spec\.workload\.template\.labels: .* is no label key/)]);
    },
  );

  test.each(['team', 'example.com/team', 'a.b-c.example.com/A_b.c', 'a'.repeat(63)])('the key %s stays', (key) => {
    expect(said({ serviceAccountAnnotations: { [key]: 'x' } })).toEqual([]);
  });
});
