import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { meshObjects } from '../render/mesh.ts';
import { constraint, workload } from '../testing/mesh-workload.ts';
import { tooLarge } from './istio-size.ts';
import type { MeshRule } from './mesh.ts';

const ports = [{ service: 'orders', port: 80, targets: [8080] }];
const policy = { kind: 'AuthPolicy', namespace: 'shop', name: 'orders' };

function worldOf(allow: readonly MeshRule[], deny: readonly MeshRule[] = []) {
  return { ...workload({ issuers: { corp: 'https://a.example.com' } }), decision: { allow, deny } };
}

function rules(count: number, paths: readonly string[], rule = 'r'): readonly MeshRule[] {
  const constraints = [constraint(`path in ${paths.join(' ')}`), constraint('issuer in corp')];
  const one = (index: number) => ({ constraints, sources: [{ policy, rule: `${rule}${index}` }] });
  return Array.from({ length: count }, (_, index) => ({ ports, conjunction: one(index) }));
}

test('as many rules as the CRD takes, with the one that keeps other ports open', () => {
  expect(tooLarge(worldOf(rules(511, ['/a'])))).toBe(false);
  expect(tooLarge(worldOf(rules(512, ['/a'])))).toBe(true);
  expect(tooLarge(worldOf([], rules(512, ['/a'])))).toBe(false);
  expect(tooLarge(worldOf([], rules(513, ['/a'])))).toBe(true);
});

test('keys', () => {
  const keys = { kind: 'inline', jwks: JSON.stringify('k'.repeat(600_000)) } as const;
  const issuers = ['a', 'b'].map((id) => ({ id, issuer: id, keys }));
  expect(tooLarge({ ...worldOf([]), issuers })).toBe(true);
  expect(tooLarge({ ...worldOf([]), issuers: issuers.slice(0, 1) })).toBe(false);
});

test('whatever is not too large fits into etcd, and its annotations into theirs', () => {
  const size = fc.integer({ min: 1, max: 511 });
  const path = fc.stringMatching(/^\/[a-zé"\\]{1,900}$/);
  fc.assert(
    fc.property(size, fc.array(path, { minLength: 1, maxLength: 3 }), size, (count, paths, nameLength) => {
      const world = worldOf(rules(count, paths, 'r'.repeat(nameLength)));
      if (tooLarge(world)) return;
      for (const object of meshObjects(world, 'evengate')) {
        expect(Buffer.byteLength(JSON.stringify(object))).toBeLessThan(1_000_000);
        expect(Buffer.byteLength(JSON.stringify(object.metadata.annotations ?? {}))).toBeLessThan(1 << 18);
      }
    }),
    { numRuns: 40, seed: 1 },
  );
});
