import { describe, expect, test } from '@jest/globals';
import type { Gateway } from '../ir/gateway.ts';
import { certificateMounts } from './mounts.ts';

function gateway(...names: readonly string[]): Gateway {
  const certificates = names.map((name) => ({ secret: { kind: 'Secret', namespace: 'shop', name } }));
  return { chains: [{ name: 'https-443-a', certificates }] } as unknown as Gateway;
}

function mounts(wanted: readonly string[], mounted: readonly string[], inPlace?: readonly string[]): readonly string[] {
  const folders = mounted.map((name) => `shop.${name}`);
  return certificateMounts(gateway(...wanted), folders, inPlace && gateway(...inPlace)).map(({ name }) => name);
}

describe('the certificates that Pods mount', () => {
  test('are those that are wanted', () => {
    expect(mounts(['b', 'a'], [], [])).toEqual(['a', 'b']);
  });

  test('stay when they are wanted no more: that alone replaces no Pod', () => {
    expect(mounts(['a'], ['a', 'b'], ['a'])).toEqual(['a', 'b']);
  });

  test('stay while they are in use, or may be', () => {
    expect(mounts(['b'], ['a'], ['a'])).toEqual(['a', 'b']);
    expect(mounts(['b'], ['a'])).toEqual(['a', 'b']);
  });

  test('do not pile up', () => {
    const old = ['c', 'd', 'e', 'f', 'g'];
    expect(mounts(['a'], ['a', ...old], ['a'])).toEqual(['a']);
    expect(mounts(['a'], ['a', ...old])).toEqual(['a', ...old]);
  });
});
