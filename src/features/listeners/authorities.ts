/** Checks a bundle of certificate authorities before Envoy would refuse it: the whole listener would be lost. */
import { X509Certificate } from 'node:crypto';
import type { ConfigMap } from '../../kube/core.ts';

/** As cert-manager, trust-manager and Gateway API have it. */
export const bundleKey = 'ca.crt';

export type Bundle =
  /** PEM of certificates, and of nothing else that stood between them. */
  | { readonly roots: string; readonly problem?: never }
  /** What follows `ConfigMap shop/partners`. */
  | { readonly problem: string };

export function bundleOf(configMap: ConfigMap | undefined): Bundle {
  if (configMap === undefined) return { problem: 'does not exist' };
  const text = configMap.data?.[bundleKey];
  if (text === undefined || text === '') return { problem: `has no ${bundleKey}` };
  return readBundle(text);
}

const block = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** Texts between certificates are let go, as OpenSSL does. */
export function readBundle(text: string): Bundle {
  const blocks = text.match(block) ?? [];
  if (blocks.length === 0) return { problem: `holds no PEM certificate in ${bundleKey}` };
  const broken = blocks.findIndex((one) => !isAuthority(one));
  if (broken >= 0) {
    return {
      problem: `holds, as certificate ${broken + 1} in ${bundleKey}, none of an authority (basicConstraints CA)`,
    };
  }
  return { roots: `${blocks.map((one) => one.trim()).join('\n')}\n` };
}

function isAuthority(pem: string): boolean {
  try {
    return new X509Certificate(pem).ca;
  } catch {
    return false;
  }
}
