import { describe, expect, test } from '@jest/globals';
import type { Pod } from '../kube/pod.ts';
import { creationTrouble, haveIdentity, isReady, mountedCertificates, podTroubles } from './pods.ts';

function pod(name: string, status: Pod['status'] = {}, ...certificates: readonly string[]): Pod {
  const volumeMounts = [
    { name: 'resources', mountPath: '/etc/evengate/resources' },
    ...certificates.map((one, index) => ({ name: `tls-${index}`, mountPath: `/etc/evengate/certificates/${one}` })),
  ];
  const spec = { containers: [{ name: 'envoy', volumeMounts }] };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'shop' }, spec, status };
}

function waiting(reason: string, message?: string): NonNullable<Pod['status']> {
  return { containerStatuses: [{ name: 'envoy', state: { waiting: { reason, ...(message && { message }) } } }] };
}

describe('the Pods of a gateway', () => {
  test('have the certificate of the mesh when each of them has it', () => {
    const mounting = (mountPath: string): Pod => ({
      ...pod('a'),
      spec: { containers: [{ name: 'envoy', volumeMounts: [{ name: 'a', mountPath }] }] },
    });
    const [has, lacks] = [mounting('/etc/evengate/identity'), mounting('/etc/evengate/resources')];
    expect([[has, has], [has, lacks], [lacks], []].map(haveIdentity)).toEqual([true, false, false, true]);
  });

  test('have a certificate when each of them has it', () => {
    expect(mountedCertificates([])).toBeUndefined();
    expect(mountedCertificates([pod('a', {}, 'shop.x', 'shop.y'), pod('b', {}, 'shop.y')])).toEqual(
      new Set(['shop.y']),
    );
  });

  test('are Ready as they say, and not while they end', () => {
    const ready = pod('a', { conditions: [{ type: 'Ready', status: 'True' }] });
    expect(isReady(ready)).toBe(true);
    expect(isReady(pod('a'))).toBe(false);
    expect(isReady({ ...ready, metadata: { ...ready.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } })).toBe(
      false,
    );
  });

  test('tell what keeps them from starting, in words that stay the same', () => {
    const back = waiting('ImagePullBackOff', 'Back-off pulling image "example.com/envoy:v9"');
    const pull = waiting('ErrImagePull', 'failed to pull image "example.com/envoy:v9": not found');
    const told = ['Pod a and 1 more: ErrImagePull: the image "example.com/envoy:v9" cannot be pulled'];
    expect(podTroubles([pod('a', back), pod('b', pull), pod('c')])).toEqual(told);
    expect(podTroubles([pod('a', waiting('ContainerCreating'))])).toEqual([]);
    // As what stands beside Envoy tells.
    const { containerStatuses: initContainerStatuses = [] } = pull;
    const beside = pod('a', { ...waiting('PodInitializing'), initContainerStatuses });
    expect(podTroubles([beside])).toEqual(['Pod a: ErrImagePull: the image "example.com/envoy:v9" cannot be pulled']);
    const unscheduled = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/1 nodes' };
    expect(podTroubles([pod('a', { conditions: [unscheduled] })])).toEqual(['Pod a: Unschedulable: 0/1 nodes']);
    const crash = waiting('CrashLoopBackOff', 'back-off 40s restarting failed container');
    expect(podTroubles([pod('a', crash)])).toEqual(['Pod a: CrashLoopBackOff: the container ends again and again']);
  });

  test('are told of where none can be made, in words that stay the same', () => {
    const forbidden = (name: string) => `pods "${name}" is forbidden: exceeded quota: poor, limited: pods=0`;
    const deployment = (message: string, status = 'True') => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'edge-edge' },
      status: { conditions: [{ type: 'ReplicaFailure', status, reason: 'FailedCreate', message }] },
    });
    const told = 'FailedCreate: a Pod is forbidden: exceeded quota: poor, limited: pods=0';
    expect(creationTrouble(deployment(forbidden('edge-edge-7f-a')))).toBe(told);
    expect(creationTrouble(deployment(forbidden('edge-edge-7f-b')))).toBe(told);
    expect(creationTrouble(deployment('', 'False'))).toBeUndefined();
    expect(creationTrouble(undefined)).toBeUndefined();
  });
});
