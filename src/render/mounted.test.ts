import { describe, expect, test } from '@jest/globals';
import type { Chain, Gateway } from '../ir/gateway.ts';
import { gateway as written } from '../testing/build.ts';
import { compile } from '../testing/compile.ts';
import { certificateSecret } from '../testing/operator/shop.ts';
import { certificatesIn, certificatesOf, withLoaded, withMounted } from './mounted.ts';

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
