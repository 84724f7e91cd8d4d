import { expect, test } from '@jest/globals';
import type { Gateway } from '../../ir/gateway.ts';
import { rigSuite } from '../../testing/rig.ts';
import {
  type CertificateRequest,
  certificateOf,
  newKeyPair,
  testCertificate,
  tlsSecret,
} from '../../testing/rig-certificates.ts';
import {
  apiGateway,
  authPolicy,
  everyone,
  type Manifest,
  namespace,
  route,
  service,
  to,
  under,
} from '../../testing/rig-manifests.ts';
import { certificateFacts, readCertificate } from './certificate.ts';

type Signer = NonNullable<CertificateRequest['issuer']>;

function authority(name: string, issuer?: Signer, more: Partial<CertificateRequest> = {}) {
  const keys = newKeyPair();
  return { name, keys, ...certificateOf({ name, keys, authority: true, ...(issuer && { issuer }), ...more }) };
}

const root = authority('root');
const between = authority('between', root);
const late = authority('late', root, { valid: [-3, -1] });
const elsewhere = authority('elsewhere');
const gone = authority('gone', undefined, { valid: [-3, -1] });

const signed = (issuer: Signer, more: Partial<CertificateRequest> = {}) =>
  certificateOf({ name: 'client', uris: ['spiffe://partner.example.com/a'], keys: newKeyPair(), issuer, ...more });
const followedBy = (own: ReturnType<typeof signed>, ...others: readonly { readonly certificate: string }[]) => ({
  ...own,
  certificate: [own, ...others].map(({ certificate }) => certificate).join(''),
});

const bundle = (name: string, text: string): Manifest => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
  data: { 'ca.crt': text },
});
const asking = (name: string, port: number) => ({
  name,
  port,
  protocol: 'HTTPS',
  tls: { certificateRefs: [{ name: 'shop' }], clientValidation: { caCertificateRefs: [{ name }] } },
});
const sections = ['root', 'between', 'gone'];

const manifests = () => [
  apiGateway({ listeners: sections.map((name, index) => asking(name, 443 + index)) }),
  tlsSecret('shop', testCertificate('shop.example.com')),
  bundle('root', root.certificate),
  bundle('between', between.certificate),
  bundle('gone', gone.certificate),
  service('orders'),
  route('all', [{ name: 'all', ...under('/'), ...to('orders') }], {
    parentRefs: sections.map((sectionName) => ({ name: 'edge', sectionName })),
  }),
  authPolicy('open', 'Route/all', everyone),
];

const cases: readonly (readonly [string, number, ReturnType<typeof signed>, RegExp | undefined])[] = [
  ['signed by the root', 443, signed(root), undefined],
  ['signed by one that the root has signed', 443, followedBy(signed(between), between), undefined],
  ['whose authority is not shown', 443, signed(between), /no authority that the listener believes/],
  ['signed by an authority that is believed, and no root', 444, signed(between), undefined],
  ['signed by the root, where one below it is believed', 444, signed(root), /no authority that the listener believes/],
  ['of another authority', 443, followedBy(signed(elsewhere), elsewhere), /no authority that the listener believes/],
  ['signed by a client', 443, followedBy(signed({ name: 'client', keys: newKeyPair() })), /no authority/],
  ['that has expired', 443, signed(root, { valid: [-3, -1] }), /CN=client has expired/],
  ['of tomorrow', 443, signed(root, { valid: [1, 2] }), /CN=client is not valid before/],
  ['whose authority has expired', 443, followedBy(signed(late), late), /CN=late has expired/],
  ['of a root that has expired', 445, signed(gone), /CN=gone has expired/],
  ['for clients', 443, signed(root, { usages: ['clientAuth'] }), undefined],
  ['for both', 443, signed(root, { usages: ['serverAuth', 'clientAuth'] }), undefined],
  ['for servers', 443, signed(root, { usages: ['serverAuth'] }), /not for clients/],
  ['for anything', 443, signed(root, { usages: ['any'] }), /not for clients/],
];

await rigSuite('certificates of clients, as explain verifies them', manifests, (rig) => {
  test.each(cases)('one %s', async (_, port, certificate, problem) => {
    const request = { port, certificate, path: '/', ...(problem && { unexplained: 'it does not verify' }) };
    const read = readCertificate(certificate.certificate);
    if (typeof read === 'string') throw new Error(read);
    const name = `chain-${port}`;
    const roots = [root, between, gone][port - 443]?.certificate ?? '';
    const chains = [{ name, clientValidation: { roots, required: true } }] as unknown as Gateway['chains'];
    const found = certificateFacts({ chains } as Gateway, read, new Date()).certificateProblems?.get(name);
    if (problem === undefined) {
      expect(found).toBeUndefined();
      expect(await rig().status(request)).toBe(200);
    } else {
      expect(found).toMatch(problem);
      await expect(rig().status(request)).rejects.toThrow();
    }
  });
});
