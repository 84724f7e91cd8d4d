import { createHmac, generateKeyPairSync } from 'node:crypto';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FakeClock } from '../testing/fake-clock.ts';
import { createLog } from './logger.ts';
import { redact, redactText } from './redact.ts';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: 'ann' })}`;
const jwt = `${signed}.${createHmac('sha256', 'x').update(signed).digest('base64url')}`;

test.each([
  ['a key', `bad key ${pem}, sorry`, 'bad key [redacted PRIVATE KEY]\n, sorry'],
  ['a key that was cut off', `bad key ${pem.slice(0, 60)}`, 'bad key [redacted PRIVATE KEY]'],
  ['a key as a Secret holds it', `tls.key: ${Buffer.from(pem).toString('base64')}`, 'tls.key: [redacted PEM]'],
  ['a token', `token ${jwt} is old`, 'token [redacted JWT] is old'],
  ['a token that was cut off', `token ${jwt.slice(0, 50)}`, 'token [redacted JWT]'],
  ['a header', 'authorization: Bearer abc123.def', 'authorization: Bearer [redacted]'],
  ['basic authentication', 'Authorization: basic YW5uOnB3', 'Authorization: basic [redacted]'],
  ['a password in a URL', 'GET https://ann:secret@host/x', 'GET https://ann:[redacted]@host/x'],
  [
    'nothing secret',
    'bearer of news: 10:15 at https://host:8080/a@b',
    'bearer of news: 10:15 at https://host:8080/a@b',
  ],
])('%s', (_name, text, clean) => {
  expect(redactText(text)).toBe(clean);
});

test('fields by their name, Secrets, bytes, cycles', () => {
  const cycle: Record<string, unknown> = { name: 'x' };
  cycle['self'] = cycle;
  expect(
    redact({
      headers: { Authorization: 'abc', accept: '*/*' },
      secret: { kind: 'Secret', metadata: { name: 'tls' }, data: { 'tls.key': 'YWJj' } },
      bytes: Buffer.from('abc'),
      error: new Error(`bad ${jwt}`),
      when: new Date(0),
      big: 12n,
      set: new Set(['a']),
    }),
  ).toEqual({
    headers: { Authorization: '[redacted]', accept: '*/*' },
    secret: { kind: 'Secret', metadata: { name: 'tls' }, data: '[redacted]' },
    bytes: '[3 bytes]',
    error: 'bad [redacted JWT]',
    when: '1970-01-01T00:00:00.000Z',
    big: '12',
    set: ['a'],
  });
  expect(JSON.stringify(redact(cycle))).toContain('…');
});

test('no line has a key or a token, wherever it stood', () => {
  const secret = fc.constantFrom(pem, jwt, `Bearer ${jwt}`, Buffer.from(pem).toString('base64'));
  const around = fc.tuple(fc.string(), secret, fc.string()).map(([before, it, after]) => `${before} ${it} ${after}`);
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof({ depthSize: 'small' }, around, fc.array(tie('value')), fc.dictionary(fc.string(), tie('value'))),
  }));
  const body = pem.split('\n')[1] ?? '';
  fc.assert(
    fc.property(value, around, fc.constantFrom('json' as const, 'text' as const), (field, message, format) => {
      const lines: string[] = [];
      const output = { write: (text: string) => lines.push(text) };
      const log = createLog({ output, clock: new FakeClock(), format, level: 'debug' });
      log.error(message, { field, error: new Error(message) });
      const written = lines.join('');
      for (const text of [body, jwt, Buffer.from(pem).toString('base64').slice(60)])
        expect(written).not.toContain(text);
      expect(written).toContain('redacted');
    }),
  );
});
