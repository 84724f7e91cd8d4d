/** Checks a kubernetes.io/tls Secret before Envoy would refuse it: the whole listener would be lost. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Secret } from '../../kube/core.ts';
import { noAccess } from '../secret-access.ts';

/** What follows `Secret shop/tls`, whoever found it: this operator, or an Envoy. */
export const certificateProblems = {
  absent: 'does not exist',
  /** Envoy sees no Secret, but files. */
  absentOrEmpty: 'does not exist, or has no tls.crt',
  noCertificate: 'has no tls.crt',
  noKey: 'has no tls.key',
  badCertificate: 'holds a tls.crt that is not a PEM certificate',
  badKey: 'holds a tls.key that is not an unencrypted PEM private key',
  foreignKey: 'holds a tls.key that does not belong to its tls.crt',
} as const;

export const certificateRemedy =
  'Create a Secret of type kubernetes.io/tls whose tls.key belongs to its tls.crt, or mend it; it is taken up by itself';

/** Why the Secret cannot serve TLS, or undefined. The text never quotes the Secret. */
export function certificateProblem(secret: Secret): string | undefined {
  if (secret.unread === 'mounted') return undefined;
  if (secret.unread === 'forbidden') return noAccess;
  if (secret.type !== undefined && secret.type !== 'kubernetes.io/tls') {
    return `is of type ${secret.type}, not kubernetes.io/tls`;
  }
  const certificate = pem(secret, 'tls.crt');
  const key = pem(secret, 'tls.key');
  if (certificate === undefined || key === undefined) {
    return certificate === undefined ? certificateProblems.noCertificate : certificateProblems.noKey;
  }
  return pairProblem(certificate, key);
}

/** PEM text of a key of the Secret; undefined when it is absent or empty. */
export function pem(secret: Secret, key: string): string | undefined {
  const plain = secret.stringData?.[key];
  const encoded = secret.data?.[key];
  const text = plain ?? (encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString());
  return text === '' ? undefined : text;
}

function pairProblem(certificate: string, key: string): string | undefined {
  const parsed = attempt(() => new X509Certificate(certificate));
  if (parsed === undefined) return certificateProblems.badCertificate;
  const privateKey = attempt(() => createPrivateKey(key));
  if (privateKey === undefined) return certificateProblems.badKey;
  if (!parsed.checkPrivateKey(privateKey)) return certificateProblems.foreignKey;
  const bits = privateKey.asymmetricKeyDetails?.modulusLength;
  if (bits !== undefined && bits < 2048) return `holds an RSA key of ${bits} bits: Envoy needs at least 2048`;
  const curve = privateKey.asymmetricKeyDetails?.namedCurve;
  if (curve !== undefined && !['prime256v1', 'secp384r1', 'secp521r1'].includes(curve)) {
    return `holds a key on the curve ${curve}: Envoy needs P-256, P-384 or P-521`;
  }
  return undefined;
}

/** OpenSSL's own message may quote what it read: it is dropped on purpose. */
function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}
