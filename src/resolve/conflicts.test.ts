import { describe, expect, test } from '@jest/globals';
import { backendRef, gateway, route, service } from '../testing/build.ts';
import { compile } from '../testing/compile.ts';

const parentRefs = [{ name: 'edge', namespace: 'shop' }];

function conflicts(...routes: readonly ReturnType<typeof route>[]) {
  const { resolution } = compile([
    gateway({
      listeners: [{ name: 'web', port: 80, protocol: 'HTTP', allowedRoutes: { namespaces: { from: 'All' } } }],
    }),
    service(),
    ...routes,
  ]);
  return resolution.findings.filter(({ reason }) => reason === 'Conflicted');
}

function at(namespace: string, value: string, hostnames = ['a.example.com', 'b.example.com']) {
  const rules = [{ name: 'only', matches: [{ path: { value } }], backendRefs: [backendRef()] }];
  return route({ parentRefs, hostnames, rules }, { namespace, name: 'orders' });
}

describe('rules that never answer', () => {
  test('of equal matches the first by name answers, and the other is told once, whatever the hosts', () => {
    expect(conflicts(at('shop', '/orders'), at('attacker', '/orders'))).toMatchObject([
      {
        about: { kind: 'Route', namespace: 'shop', name: 'orders' },
        severity: 'warning',
        at: 'spec.rules[0].matches[0]',
        message: expect.stringContaining('rule only of Route attacker/orders matches the same and comes first'),
      },
    ]);
  });

  test('other paths and other hosts do not conflict', () => {
    expect(conflicts(at('shop', '/orders'), at('attacker', '/order'))).toEqual([]);
    expect(conflicts(at('shop', '/', ['a.example.com']), at('attacker', '/', ['b.example.com']))).toEqual([]);
  });

  test('two rules of one Route', () => {
    const rule = { backendRefs: [backendRef()] };
    expect(conflicts(route({ parentRefs, rules: [rule, rule] }))).toMatchObject([
      { at: 'spec.rules[1].matches[0]', remedy: 'Remove one of them, or match more narrowly' },
    ]);
  });
});
