import { expect, test } from '@jest/globals';
import { isAtLeast, parseVersion } from './version.ts';

test('the version is read from what envoy --version prints', () => {
  expect(parseVersion('\nenvoy  version: 9e5580933739/1.40.0/Clean/RELEASE/BoringSSL\n')).toBe('1.40.0');
  expect(parseVersion('envoy  version: 0/1.41.0-dev/Modified/DEBUG/BoringSSL')).toBe('1.41.0-dev');
  expect(parseVersion('GNU bash, version 5.2.15')).toBeUndefined();
});

test.each([
  ['1.40.0', true],
  ['1.40.1', true],
  ['1.41.0-dev', true],
  ['2.0.0', true],
  ['1.40.0-dev', false],
  ['1.39.3', false],
  ['1.9.9', false],
])('%s is new enough: %s', (version, expected) => {
  expect(isAtLeast(version, '1.40.0')).toBe(expected);
});
