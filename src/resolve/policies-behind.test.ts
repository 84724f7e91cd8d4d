import { describe, expect, test } from '@jest/globals';
import type { Guard } from '../ir/guard.ts';
import { describeRef, type KubeObject } from '../kube/object.ts';
import { attributeKey } from '../policy/attribute.ts';
import { formatPattern } from '../policy/pattern.ts';
import {
  authPolicy,
  backendRef,
  gateway,
  gatewayTarget,
  jwt,
  referenceGrant,
  route,
  routeTarget,
  service,
  serviceTarget,
} from '../testing/build.ts';
import { compile } from '../testing/compile.ts';

const anyone = { allow: [{ name: 'anyone' }] };
const batch = { allow: [{ name: 'batch', from: [{ serviceAccounts: ['billing/batch'] }] }] };
const named = (name: string, namespace = 'shop') => ({ name, namespace });

function on(target: object, spec: object = { authorize: anyone }, meta = named('behind')): KubeObject {
  return authPolicy({ targetRefs: [target], authorize: undefined, ...spec }, meta);
}

/** Of the first rule: what it says, in short. */
function guardOf(...objects: readonly KubeObject[]): string {
  const { resolution } = compile([gateway(), service(), route(), ...objects]);
  const [guard] = resolution.routes.get('shop/orders')?.guards ?? [];
  return told(guard);
}

function told(guard: Guard | undefined): string {
  if (guard === undefined) return 'none';
  if (guard.kind === 'blocked') return `blocked: ${guard.because.message}`;
  const parts = guard.parts.map(
    ({ policy, on: where, covers }) => `${policy.ref.name} (${where}${covers ? '' : ', no cover'})`,
  );
  return `${guard.covered ? 'covered' : 'not covered'}: ${parts.join(', ')}`;
}

describe('a policy on a Service', () => {
  test.each<[string, readonly KubeObject[], string]>([
    ['covers the rules that send to it', [on(serviceTarget())], 'covered: behind (service)'],
    [
      'covers them by its mere authentication',
      [on(serviceTarget(), { authenticate: { jwt: [jwt()] } })],
      'covered: behind (service)',
    ],
    [
      'that only denies opens nothing',
      [on(serviceTarget(), { authorize: { deny: [{ to: [{ methods: ['POST'] }] }] } })],
      'not covered: behind (service, no cover)',
    ],
    ['in Shadow neither', [on(serviceTarget(), { mode: 'Shadow', authorize: anyone })], 'not covered: '],
    ['of another name is none', [on(serviceTarget('other'))], 'not covered: '],
    [
      'stands behind all others',
      [
        on(serviceTarget(), undefined, named('a')),
        on(routeTarget('orders', 'all'), undefined, named('b')),
        on(routeTarget(), undefined, named('c')),
        on(gatewayTarget(), undefined, named('d')),
      ],
      'covered: d (gateway, no cover), c (route), b (route), a (service)',
    ],
    [
      'is about a port of it',
      [service({ ports: [{ name: 'http', port: 80 }] }), on(serviceTarget('orders', 'http'))],
      'covered: behind (service)',
    ],
    [
      'is not about its other ports',
      [
        service({
          ports: [
            { port: 80, name: 'http' },
            { port: 81, name: 'admin' },
          ],
        }),
        on(serviceTarget('orders', 'admin')),
      ],
      'not covered: ',
    ],
    [
      'blocks all of it with a port that it does not have',
      [
        service({ ports: [{ name: 'http', port: 80 }] }),
        on(serviceTarget('orders', 'grpc')),
        on(routeTarget(), undefined, named('rule')),
      ],
      'blocked: Service shop/orders has no port grpc, so every rule that sends there answers 500',
    ],
    [
      'blocks with what cannot be read',
      [on(serviceTarget(), { authorize: 'everyone' })],
      'blocked: "everyone" is not an object',
    ],
  ])('%s', (_, objects, expected) => {
    expect(guardOf(...objects)).toBe(expected);
  });

  const two = route({ rules: [{ name: 'all', backendRefs: [backendRef(), backendRef({ name: 'canary' })] }] });
  const canary = service({}, { name: 'canary' });

  test('covers a rule only beside one on each of its other Services', () => {
    const one = on(serviceTarget());
    expect(guardOf(two, canary, one)).toBe('not covered: behind (service, no cover)');
    const other = on(serviceTarget('canary'), undefined, named('other'));
    expect(guardOf(two, canary, one, other)).toBe('covered: behind (service), other (service)');
    const both = authPolicy({ targetRefs: [serviceTarget(), serviceTarget('canary')] }, named('both'));
    expect(guardOf(two, canary, both)).toBe('covered: both (service)');
  });

  test('of another namespace counts, and there nobody can hide it by breaking it', () => {
    const far = [
      route({ rules: [{ name: 'all', backendRefs: [backendRef({ name: 'pay', namespace: 'bank' })] }] }),
      service({}, named('pay', 'bank')),
      referenceGrant('shop', { namespace: 'bank' }),
    ];
    expect(guardOf(...far, on(serviceTarget('pay'), undefined, named('pay', 'bank')))).toBe('covered: pay (service)');
    expect(guardOf(...far, on(serviceTarget('pay')))).toBe('not covered: ');
    const lost = authPolicy({ targetRefs: 7 }, named('pay', 'bank'));
    expect(guardOf(...far, on(routeTarget()), lost)).toBe('blocked: 7 is not a list');
  });

  test('tightens what others admit', () => {
    const { resolution } = compile([
      gateway(),
      service(),
      route(),
      on(routeTarget(), { authorize: { allow: [{ to: [{ methods: ['GET'] }] }] } }, named('inner')),
      on(serviceTarget(), { authorize: { allow: [{ to: [{ paths: ['/a*'] }] }, ...batch.allow] } }),
    ]);
    const [guard] = resolution.routes.get('shop/orders')?.guards ?? [];
    const allow = guard?.kind === 'guarded' ? guard.decision.allow : [];
    expect(
      allow.map(({ constraints }) =>
        constraints.map(({ attribute, anyOf }) => `${attributeKey(attribute)} ${anyOf.map(formatPattern).join(' ')}`),
      ),
    ).toEqual([
      ['method GET', 'path /a*'],
      ['method GET', 'serviceAccount billing/batch'],
    ]);
  });
});

test.each([
  [
    'a Service',
    serviceTarget('gone'),
    'spec.targetRefs[0].name: Service shop/gone does not exist, so the policy guards nothing there',
  ],
  [
    'a port',
    serviceTarget('orders', 'gone'),
    'spec.targetRefs[0].sectionName: Service shop/orders has no port gone, so every rule that sends there answers 500',
  ],
])('%s that is not there is said', (_, target, expected) => {
  const { findings } = compile([service(), on(target)]).resolution;
  expect(findings.map(({ about, at, message }) => `${describeRef(about)} ${at}: ${message}`)).toEqual([
    `AuthPolicy shop/behind ${expected}`,
  ]);
});
