import { describe, expect, test } from '@jest/globals';
import { covers, intersectHosts, ownerOf } from './hosts.ts';

describe('hostname intersection (Gateway API HTTPRoute.hostnames)', () => {
  test.each([
    ['*', 'a.example.com', 'a.example.com'],
    ['*.example.com', 'a.example.com', 'a.example.com'],
    ['*.example.com', 'a.b.example.com', 'a.b.example.com'],
    ['*.example.com', 'example.com', undefined],
    ['*.example.com', '*.b.example.com', '*.b.example.com'],
    ['*.b.example.com', '*.example.com', '*.b.example.com'],
    ['a.example.com', 'b.example.com', undefined],
    ['*.example.com', '*.example.org', undefined],
    ['*.example.com', 'badexample.com', undefined],
    ['*', '*', '*'],
    ['*.example.com', '*', '*.example.com'],
  ])('%s and %s share %s', (a, b, expected) => {
    expect(intersectHosts(a, b)).toBe(expected);
    expect(intersectHosts(b, a)).toBe(expected);
  });

  test('the most specific listener owns a host', () => {
    const hostnames = ['*', '*.example.com', '*.b.example.com', 'a.example.com'];
    expect(ownerOf('a.example.com', hostnames)).toBe('a.example.com');
    expect(ownerOf('x.b.example.com', hostnames)).toBe('*.b.example.com');
    expect(ownerOf('c.example.com', hostnames)).toBe('*.example.com');
    expect(ownerOf('other.org', hostnames)).toBe('*');
    expect(ownerOf('other.org', ['a.example.com'])).toBeUndefined();
    expect(covers('*.example.com', '*')).toBe(false);
  });
});
