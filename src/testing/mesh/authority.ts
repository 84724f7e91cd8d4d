/** A certificate authority of the mesh, made anew for every run: who shows one of its certificates has that identity. */
import { certificateOf, newKeyPair, type TestCertificate } from '../rig-certificates.ts';

export interface Authority {
  readonly certificate: string;
  /** PEM texts of a certificate for `spiffe://<principal>`, and its key; remembered. */
  identity(principal: string): TestCertificate;
}

export function meshAuthority(): Authority {
  const authority = newKeyPair();
  const root = certificateOf({ name: 'mesh', keys: authority, authority: true });
  const known = new Map<string, TestCertificate>();
  const issue = (principal: string): TestCertificate => {
    const keys = newKeyPair();
    const uris = [`spiffe://${principal}`];
    return certificateOf({ name: 'workload', uris, keys, issuer: { name: 'mesh', keys: authority } });
  };
  return {
    certificate: root.certificate,
    identity(principal) {
      const found = known.get(principal) ?? issue(principal);
      known.set(principal, found);
      return found;
    },
  };
}
