import { describe, expect, test } from '@jest/globals';
import type { Gateway } from '../ir/gateway.ts';
import type { KubeObject } from '../kube/object.ts';
import type { Deployment } from '../kube/workloads.ts';
import { resolver } from '../resolve/resolve.ts';
import { authPolicy, gateway, route, service, snapshotOf } from '../testing/build.ts';
import { children } from './workload.ts';

const context = { owner: { uid: 'b7c1' }, className: 'evengate', image: 'envoy:test' };

function resolved(objects: readonly KubeObject[]): Gateway {
  const found = resolver()(snapshotOf(objects)).gateways.get('shop/edge');
  if (found === undefined) throw new Error('no gateway');
  return found;
}

function made(spec: object = {}, more: readonly KubeObject[] = [], how = context): readonly KubeObject[] {
  return children(resolved([gateway(spec), ...more]), how);
}

function kindsThatDiffer(before: readonly KubeObject[], after: readonly KubeObject[]): readonly string[] {
  const text = (objects: readonly KubeObject[], kind: string) =>
    JSON.stringify(objects.filter((object) => object.kind === kind));
  const kinds = [...new Set([...before, ...after].map(({ kind }) => kind))];
  return kinds.filter((kind) => text(before, kind) !== text(after, kind));
}

function deploymentOf(objects: readonly KubeObject[]): Deployment {
  return objects.find(({ kind }) => kind === 'Deployment') as Deployment;
}

const web = { name: 'web', port: 80, protocol: 'HTTP' };

describe('what replaces Pods', () => {
  test('neither Routes nor policies touch anything', () => {
    expect(kindsThatDiffer(made(), made({}, [route(), service(), authPolicy()]))).toEqual([]);
  });

  test('a new listener opens a port, and replaces no Pod', () => {
    const listeners = [web, { name: 'alt', port: 8080, protocol: 'HTTP' }];
    expect(kindsThatDiffer(made(), made({ listeners }))).toEqual(['NetworkPolicy', 'Service']);
  });

  test('how the Service is reached replaces no Pod', () => {
    expect(kindsThatDiffer(made(), made({ service: { type: 'NodePort' } }))).toEqual(['Service']);
  });

  test('a new bootstrap does', () => {
    const limited = made({ workload: { terminationDrainDuration: '1m' } });
    expect(kindsThatDiffer(made(), limited)).toEqual(['ConfigMap', 'Deployment']);
    const hash = (objects: readonly KubeObject[]) => deploymentOf(objects).spec.template.metadata.annotations;
    expect(hash(limited)).not.toEqual(hash(made()));
  });
});

test('the same input gives the same bytes, whatever the order of listeners', () => {
  const listeners = [web, { name: 'alt', port: 8080, protocol: 'HTTP' }];
  expect(made({ listeners })).toEqual(made({ listeners: listeners.toReversed() }));
});

test('two gateways do not share the token of the drain', () => {
  const token = (uid: string) => JSON.stringify(deploymentOf(made({}, [], { ...context, owner: { uid } })));
  expect(token('a')).not.toBe(token('b'));
});

test('without a stored owner there is no reference to it', () => {
  const { className, image } = context;
  const files = children(resolved([gateway()]), { className, image });
  expect(files.map(({ metadata }) => metadata.ownerReferences)).toEqual(files.map(() => undefined));
});

test('Pods meet the restricted Pod Security Standard', () => {
  const { spec } = deploymentOf(made()).spec.template;
  expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
  for (const { securityContext } of spec.containers) {
    expect(securityContext).toMatchObject({ allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } });
  }
  const sources = new Set(spec.volumes.flatMap((volume) => Object.keys(volume)));
  expect(sources).toEqual(new Set(['name', 'projected', 'emptyDir']));
});

describe('ports of ours', () => {
  const ports = (objects: readonly KubeObject[], kind: string) =>
    JSON.stringify(objects.find((object) => object.kind === kind)?.spec);

  test('are not reached through the Service, whoever asks', () => {
    const listeners = [web, { name: 'statistics', port: 19001, protocol: 'HTTP' }];
    expect(ports(made({ listeners }), 'Service')).not.toMatch(/1900\d/);
  });

  test('the drain is let through to nobody', () => {
    expect(ports(made({ listeners: [{ name: 'drain', port: 19002, protocol: 'HTTP' }] }), 'NetworkPolicy')).not.toMatch(
      /19002/,
    );
  });

  test('a gateway with no port but these has no Service', () => {
    const only = made({ listeners: [{ name: 'drain', port: 19002, protocol: 'HTTP' }] });
    expect(only.map(({ kind }) => kind)).not.toContain('Service');
  });
});
