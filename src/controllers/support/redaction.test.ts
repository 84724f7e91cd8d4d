import { expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { Redaction } from './redaction.ts';

const canary = 'canary-4f9a2c';
const encoded = Buffer.from(canary).toString('base64');

/** What a support bundle would say. */
function shown(value: unknown): string {
  const redaction = new Redaction();
  return redaction.text(stringify(redaction.value(value)));
}

test.each<readonly [string, unknown]>([
  ['a Secret', { kind: 'Secret', metadata: { name: 'a' }, data: { 'tls.key': encoded }, stringData: { more: canary } }],
  ['a header that is set', { headers: { request: { set: [{ name: 'Authorization', value: canary }] } } }],
  ['a header under a plain name', { headers: { response: { add: [{ name: 'x-origin', value: canary }] } } }],
  ['a header that is matched', { matches: [{ headers: [{ name: 'x-origin-verify', value: canary }] }] }],
  ['a condition on a header', { when: [{ header: 'X-Api-Key', values: [canary, `${canary}*`] }, { text: canary }] }],
  ['an environment variable', { containers: [{ name: 'a', env: [{ name: 'LEVEL', value: canary }] }] }],
  ['an argument', { containers: [{ name: 'a', args: [`--api-token=${canary}`, `password: ${canary}`] }] }],
  ['a line for a shell', { containers: [{ name: 'a', command: ['sh', '-c', `curl -u me:${canary} https://a`] }] }],
  ['an annotation', { metadata: { name: 'a', annotations: { 'example.com/note': canary } } }],
  [
    'what was applied last',
    { metadata: { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': `{"x":"${canary}"}` } } },
  ],
  ['managed fields', { metadata: { name: 'a', managedFields: [{ fieldsV1: { [canary]: {} } }] } }],
  ['a field that says so', { auth: { clientSecret: canary, apiKey: canary, inline: canary } }],
  ['keys for Envoy', { local_jwks: { inline_string: canary } }],
  ['a matcher of Envoy', { headers: [{ name: 'x-key', string_match: { safe_regex: { regex: canary } } }] }],
  ['a header of Envoy', { request_headers_to_add: [{ header: { key: 'x-key', value: canary } }] }],
  ['a URL', { url: `https://user:${canary}@example.com/?token=${canary}&x=${canary}` }],
])('%s leaves nothing', (_, value) => {
  const text = shown(value);
  expect(text).not.toContain(canary);
  expect(text).not.toContain(encoded);
});

test.each([
  `{"authorization":"Bearer ${canary}"}`,
  `authorization: Basic ${encoded}`,
  `GET /orders?access_token=${canary}&b=${canary} 200`,
  `"token": "${canary}"`,
  `set-cookie: session=${canary}`,
  `client_secret='${canary}'`,
])('a line of a log, of which nothing is known: %s', (line) => {
  const text = new Redaction().text(line);
  expect([text.includes(canary), text.includes(encoded)]).toEqual([false, false]);
});

test('what was hidden in one place is hidden in all', () => {
  const redaction = new Redaction();
  redaction.value({ kind: 'Secret', data: { key: Buffer.from(`${canary}\nsecond "line"`).toString('base64') } });
  const line = `it said ${canary}, ${encoded} and ${JSON.stringify('second "line"')}`;
  expect(redaction.text(line)).toBe('it said [redacted], [redacted] and "[redacted]"');
});

test('what says how something is built stays', () => {
  const value = {
    kind: 'Pod',
    metadata: { name: 'edge-edge', namespace: 'shop', annotations: { 'evengate.dev/publication': '7' } },
    spec: {
      automountServiceAccountToken: false,
      volumes: [{ name: 'a', secret: { secretName: 'shop-tls' } }],
      // A secret that is the name of an object is none.
      containers: [{ name: 'a', env: [{ name: 'NS', value: 'edge-edge' }], readinessProbe: { path: '/healthz' } }],
      match: [{ name: ':path', string_match: { exact: '/healthz' } }],
    },
  };
  const text = shown(value);
  for (const part of ['edge-edge', 'publication: "7"', 'Token: false', 'secretName: shop-tls', 'path: /healthz']) {
    expect(text).toContain(part);
  }
});
