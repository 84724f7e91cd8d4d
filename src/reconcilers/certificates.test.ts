import { describe, expect, test } from '@jest/globals';
import { gateway } from '../testing/build.ts';
import { certificateReport, type UnusableCertificate } from './certificates.ts';

const ref = (...names: readonly string[]) => ({ certificateRefs: names.map((name) => ({ name })) });
const written = gateway({
  listeners: [
    { name: 'web', port: 80, protocol: 'HTTP' },
    { name: 'one', port: 443, protocol: 'HTTPS', hostname: 'one.example.com', tls: ref('late') },
    { name: 'two', port: 443, protocol: 'HTTPS', hostname: 'two.example.com', tls: ref('good', 'late') },
  ],
});

const late = (detail: string, served = false): UnusableCertificate => ({
  secret: 'shop.late',
  details: [detail],
  served,
});
const at = (name: string) => `Invalid path: /etc/evengate/certificates/./shop.late/${name}`;
const wrongKey =
  'Failed to load private key from <inline>, Cause: error:0b000074:X.509 certificate routines:OPENSSL_internal:KEY_VALUES_MISMATCH';

test('each listener that names it is told of, and shut where it has no other', () => {
  const { findings, shut } = certificateReport(written, [late(at('tls.crt'))]);
  expect(findings.map(({ at: path }) => path)).toEqual([
    'spec.listeners[1].tls.certificateRefs[0].name',
    'spec.listeners[2].tls.certificateRefs[1].name',
  ]);
  expect(shut).toEqual(['one']);
});

test('one that some Envoy serves by shuts nothing', () => {
  const { findings, shut } = certificateReport(written, [late(wrongKey, true)]);
  expect(findings[0]?.message).toMatch(/; Envoys that have a good one serve by it on$/);
  expect(shut).toEqual([]);
});

test('nothing is said where nothing is missing', () => {
  expect(certificateReport(written, [])).toEqual({ findings: [], shut: [] });
});

describe('Envoy’s words', () => {
  test.each([
    [at('tls.crt'), 'does not exist, or has no tls.crt'],
    [at('tls.key'), 'has no tls.key'],
    [wrongKey, 'holds a tls.key that does not belong to its tls.crt'],
    ['Failed to load certificate chain from <inline>', 'holds a tls.crt that is not a PEM certificate'],
    ['Failed to load private key from <inline>', 'holds a tls.key that is not an unencrypted PEM private key'],
    [`Invalid path: /x/shop.other/tls.crt; ${wrongKey}`, 'holds a tls.key that does not belong to its tls.crt'],
    ['something new.', 'cannot be loaded by Envoy: something new'],
  ])('%s', (detail, problem) => {
    const [first] = certificateReport(written, [late(detail)]).findings;
    expect(first?.message).toBe(`Secret shop/late ${problem}`);
  });
});
