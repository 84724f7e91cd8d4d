import { expect, test } from '@jest/globals';
import type { ConfigMap } from '../../kube/core.ts';
import { certificateOf, newKeyPair } from '../../testing/rig-certificates.ts';
import { bundleOf } from './authorities.ts';

const authority = (name: string) => certificateOf({ name, keys: newKeyPair(), authority: true });
const [one, other] = [authority('one'), authority('other')];
const leaf = certificateOf({ name: 'leaf', keys: newKeyPair() });

const configMap = (data: Readonly<Record<string, string>>): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'partners' },
  data,
});

test('holds the certificates, and nothing else that stood between them', () => {
  const text = `# ours\n${one.certificate}secret: ${one.key}\n${other.certificate}`;
  expect(bundleOf(configMap({ 'ca.crt': text }))).toEqual({ roots: `${one.certificate}${other.certificate}` });
});

test.each<[string, ConfigMap | undefined]>([
  ['does not exist', undefined],
  ['has no ca.crt', configMap({})],
  ['has no ca.crt', configMap({ 'ca.crt': '' })],
  ['holds no PEM certificate in ca.crt', configMap({ 'ca.crt': 'certificate' })],
  ['holds no PEM certificate in ca.crt', configMap({ 'ca.crt': one.key })],
  [
    'holds, as certificate 2 in ca.crt, none of an authority (basicConstraints CA)',
    configMap({ 'ca.crt': one.certificate + leaf.certificate }),
  ],
  [
    'holds, as certificate 1 in ca.crt, none of an authority (basicConstraints CA)',
    configMap({ 'ca.crt': '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' }),
  ],
])('a bundle that %s', (problem, found) => {
  expect(bundleOf(found)).toEqual({ problem });
});
