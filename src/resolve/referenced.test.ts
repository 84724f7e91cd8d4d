import { describe, expect, test } from '@jest/globals';
import type { Secret } from '../kube/core.ts';
import type { KubeObject } from '../kube/object.ts';
import { emptySnapshot, type Snapshot } from '../kube/snapshot.ts';
import { resolver } from './resolve.ts';

function object(kind: string, name: string, spec: object): KubeObject {
  return { apiVersion: 'evengate.dev/v1alpha1', kind, metadata: { name, namespace: 'shop' }, spec };
}

function gateway(...secrets: readonly object[]): KubeObject {
  const listeners = [{ name: 'web', port: 443, protocol: 'HTTPS', tls: { certificateRefs: secrets } }];
  return object('ApiGateway', 'edge', { listeners });
}

function policy(jwks: object): KubeObject {
  return object('AuthPolicy', 'corp', {
    targetRefs: [{ kind: 'ApiGateway', name: 'edge' }],
    authenticate: { jwt: [{ name: 'corp', issuer: 'https://login.example.com', jwks }] },
  });
}

function snapshotOf(parts: Partial<Record<'ApiGateway' | 'AuthPolicy' | 'Secret', readonly KubeObject[]>>): Snapshot {
  const keyed = Object.entries(parts).map(([kind, objects]) => [
    kind,
    new Map(objects.map((one) => [`${one.metadata.namespace}/${one.metadata.name}`, one])),
  ]);
  return { ...emptySnapshot, ...Object.fromEntries(keyed) } as Snapshot;
}

function unread(name: string, why: 'mounted' | 'forbidden'): Secret {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'shop' }, unread: why };
}

describe('what the objects refer to', () => {
  test('is told with who refers to it, there or not, and no longer than it is', () => {
    const resolve = resolver();
    const keys = policy({ configMapRef: { name: 'keys' } });
    const { references } = resolve(
      snapshotOf({ ApiGateway: [gateway({ name: 'a' }, { name: 'b' })], AuthPolicy: [keys] }),
    );
    expect([...references.certificates()]).toEqual([
      ['shop/a', new Set(['shop/edge'])],
      ['shop/b', new Set(['shop/edge'])],
    ]);
    expect([...references.keySets('ConfigMap').keys()]).toEqual(['shop/keys']);
    expect([...references.keySets('Secret').keys()]).toEqual([]);
    const after = resolve(snapshotOf({ ApiGateway: [gateway({ name: 'b' })] })).references;
    expect([...after.certificates().keys()]).toEqual(['shop/b']);
    expect([...after.keySets('ConfigMap').keys()]).toEqual([]);
  });
});

describe('a Secret that is not read', () => {
  test('is taken for good where Envoy mounts it', () => {
    const world = snapshotOf({ ApiGateway: [gateway({ name: 'a' })], Secret: [unread('a', 'mounted')] });
    const { gateways, findings } = resolver()(world);
    expect(findings).toEqual([]);
    expect(gateways.get('shop/edge')?.listeners[0]?.served).toBe(true);
  });

  test('is said where it would have to be', () => {
    const [certificate] = resolver()(
      snapshotOf({ ApiGateway: [gateway({ name: 'a' })], Secret: [unread('a', 'forbidden')] }),
    ).findings;
    expect(certificate?.message).toBe('Secret shop/a may not be read by the operator, which has no access to Secrets');
    const [keys] = resolver()(
      snapshotOf({
        ApiGateway: [object('ApiGateway', 'edge', { listeners: [{ name: 'web', port: 80, protocol: 'HTTP' }] })],
        AuthPolicy: [policy({ secretRef: { name: 'keys' } })],
        Secret: [unread('keys', 'forbidden')],
      }),
    ).findings;
    expect(keys).toMatchObject({ reason: 'InvalidJwks', at: 'spec.authenticate.jwt[0].jwks.secretRef.name' });
    expect(keys?.remedy).toContain('ConfigMap');
  });
});
