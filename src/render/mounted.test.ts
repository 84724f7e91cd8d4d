import { describe, expect, test } from '@jest/globals';
import type { Chain, Gateway } from '../ir/gateway.ts';
import { gateway as written } from '../testing/build.ts';
import { compile } from '../testing/compile.ts';
import { certificateSecret } from '../testing/operator/shop.ts';
import { certificatesIn, certificatesOf, withIdentity, withLoaded, withMounted } from './mounted.ts';

function chain(name: string, ...secrets: readonly string[]): Chain {
  return {
    name,
    port: 443,
    protocol: secrets.length > 0 ? 'HTTPS' : 'HTTP',
    certificates: secrets.map((secret) => ({ secret: { kind: 'Secret', namespace: 'shop', name: secret } })),
    virtualHosts: [],
    uses: { required: [], issuers: [], limits: [], backends: [] },
    refusing: new Set(),
  };
}

function gateway(...chains: readonly Chain[]): Gateway {
  return { ...({ ref: { kind: 'ApiGateway', namespace: 'shop', name: 'edge' } } as Gateway), chains };
}

function served(of: Gateway): readonly string[] {
  return of.chains.map(({ name, certificates }) => [name, ...certificates.map(({ secret }) => secret.name)].join(' '));
}

const mounted = new Set(['shop.old']);

describe('a certificate that no Pod has mounted yet', () => {
  test('keeps its listener waiting, and nothing else', () => {
    expect(served(withMounted(gateway(chain('http-80'), chain('https-443-a', 'new')), mounted, undefined))).toEqual([
      'http-80',
    ]);
  });

  test('leaves the listener with those that it has', () => {
    expect(served(withMounted(gateway(chain('https-443-a', 'old', 'new')), mounted, undefined))).toEqual([
      'https-443-a old',
    ]);
  });

  test('leaves the listener with what it had', () => {
    const before = gateway(chain('https-443-a', 'old'));
    expect(served(withMounted(gateway(chain('https-443-a', 'new')), mounted, before))).toEqual(['https-443-a old']);
  });

  test('is no matter where there is no Pod, or all is mounted', () => {
    const some = gateway(chain('https-443-a', 'old'));
    expect(withMounted(some, undefined, undefined)).toBe(some);
    expect(withMounted(some, mounted, undefined)).toBe(some);
  });
});

describe('a certificate that no Envoy has loaded yet', () => {
  const before = certificatesOf(gateway(chain('https-443-a', 'old')));

  test('stands beside what its listener had', () => {
    const next = gateway(chain('https-443-a', 'new'), chain('https-443-b', 'new'));
    expect(served(withLoaded(next, mounted, before))).toEqual(['https-443-a old new', 'https-443-b new']);
  });

  test('stands alone once it is loaded', () => {
    const next = gateway(chain('http-80'), chain('https-443-a', 'new'));
    expect(withLoaded(next, new Set(['shop.new']), before)).toBe(next);
  });
});

test('what a listener has is read from what its Envoys were told', () => {
  const tls = { certificateRefs: [{ name: 'old' }, { name: 'new' }] };
  const listeners = [
    { name: 'web', port: 80, protocol: 'HTTP' },
    { name: 'a', port: 443, protocol: 'HTTPS', tls },
  ];
  const edge = compile([written({ listeners }), certificateSecret('old'), certificateSecret('new')]).edges.get(
    'shop/edge',
  );
  const text = edge?.files.find(({ name }) => name === 'lds.json')?.text('1') ?? '';
  const found = [...certificatesIn(text)].map(([name, all]) => [name, all.map(({ secret }) => secret.name)]);
  expect(found).toEqual([['https-443-a', ['old', 'new']]]);
  expect(certificatesIn('nonsense').size).toBe(0);
});

describe('the certificate of the mesh', () => {
  const dialling = (...services: readonly (readonly [string, readonly string[]])[]): Gateway => ({
    ...gateway(chain('http-80')),
    identities: new Map(services),
  });
  const peers = ['cluster.local/ns/shop/sa/orders'];
  const orders = dialling(['shop/orders', peers]);

  test('is used when every Pod has it', () => {
    expect(withIdentity(orders, true, undefined)).toBe(orders);
  });

  test('is not used before', () => {
    expect(withIdentity(orders, false, undefined).identities).toBeUndefined();
    expect(withIdentity(orders, false, dialling()).identities).toBeUndefined();
  });

  test('is used on once it was, though a Pod should lack it: that one alone fails', () => {
    expect(withIdentity(orders, false, orders)).toBe(orders);
  });

  test('is shown to a Service without Pods as it was before, and to none of which nobody knows', () => {
    const empty = dialling(['shop/orders', []], ['shop/new', []]);
    expect(withIdentity(empty, true, orders).identities).toEqual(new Map([['shop/orders', peers]]));
    expect(withIdentity(empty, true, undefined).identities).toEqual(new Map());
  });

  test('is nothing of a gateway without one', () => {
    const plain = gateway(chain('http-80'));
    expect(withIdentity(plain, false, orders)).toBe(plain);
  });
});
