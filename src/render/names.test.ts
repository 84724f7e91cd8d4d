import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ObjectRef } from '../kube/object.ts';
import { labelName, objectName } from '../schema/fields.ts';
import { fuzz } from '../testing/fuzz.ts';
import { childLabels, childName, configMapNames, mirrorName, podSelector } from './names.ts';

const gateway = (name: string): ObjectRef => ({ kind: 'ApiGateway', namespace: 'gateways', name });
const secret = (namespace: string, name: string): ObjectRef => ({ kind: 'Secret', namespace, name });

describe('names of the children', () => {
  test.each([
    ['edge', 'edge-edge'],
    ['7-eleven', 'edge-7-eleven'],
    ['shop.example.com', 'edge-shop-example-com-951623a2'],
    [`${'a'.repeat(41)}`, `edge-${'a'.repeat(41)}`],
    [`${'a'.repeat(42)}`, `edge-${'a'.repeat(32)}-7a538607`],
  ])('%s is %s', (name, expected) => {
    expect(childName(gateway(name))).toBe(expected);
  });

  const part = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$/);
  const name = fc.array(part, { minLength: 1, maxLength: 8 }).map((parts) => parts.join('.').slice(0, 253));
  const valid = name.filter((text) => objectName.safeParse(text).success);

  test('are DNS labels that start with a letter, whatever the gateway is called, and leave room for a Pod’s suffix', () => {
    fc.assert(
      fc.property(valid, (text) => {
        expect(labelName.safeParse(childName(gateway(text))).success).toBe(true);
        expect(childName(gateway(text))).toMatch(/^edge-.{1,41}$/);
        for (const configMap of configMapNames(gateway(text))) expect(configMap.length).toBeLessThanOrEqual(63);
        expect(mirrorName(gateway(text), secret('certs', text)).length).toBeLessThanOrEqual(63);
        expect(podSelector(gateway(text))['evengate.dev/gateway']).toMatch(/^[a-z0-9]([-.a-z0-9]{0,61}[a-z0-9])?$/);
      }),
      fuzz(500),
    );
  });

  test('differ where gateways differ, also where one is called as another would be', () => {
    fc.assert(
      fc.property(valid, (text) => {
        const twin = childName(gateway(text)).slice('edge-'.length);
        if (twin !== text) expect(childName(gateway(twin))).not.toBe(childName(gateway(text)));
      }),
      fuzz(500),
    );
  });

  test('of mirrored Secrets tell namespaces apart', () => {
    const names = [secret('a', 'b-c'), secret('a-b', 'c'), secret('a', 'b.c')].map((ref) =>
      mirrorName(gateway('edge'), ref),
    );
    expect(new Set(names).size).toBe(3);
  });
});

test('labels are ours alone', () => {
  expect(childLabels(gateway('edge'), 'internal')).toEqual({
    'app.kubernetes.io/managed-by': 'evengate',
    'app.kubernetes.io/name': 'envoy',
    'app.kubernetes.io/component': 'edge',
    'evengate.dev/gateway': 'edge',
    'evengate.dev/class': 'internal',
  });
});
