/** The manifests of a golden case as objects. */
import { readFileSync } from 'node:fs';
import { assemble } from '../controllers/manifests/assemble.ts';
import { parseFile } from '../controllers/manifests/parse.ts';
import type { Secret } from '../kube/core.ts';
import type { Snapshot } from '../kube/snapshot.ts';
import type { Finding } from '../status/finding.ts';
import { testCertificate } from './rig-certificates.ts';

export interface Case {
  readonly snapshot: Snapshot;
  readonly findings: readonly Finding[];
}

/** A TLS Secret without any data gets a pair made now, so that no key is ever kept with the tests. */
export function readCase(path: string): Case {
  const { snapshot, findings, problems } = assemble([parseFile({ path: 'in.yaml', text: readFileSync(path, 'utf8') })]);
  if (problems.length > 0) throw new Error(`${path}: ${problems.map(({ message }) => message).join(', ')}`);
  const secrets = [...snapshot.Secret].map(([key, secret]) => [key, withPair(secret)] as const);
  return { snapshot: { ...snapshot, Secret: new Map(secrets) }, findings };
}

function withPair(secret: Secret): Secret {
  if (secret.type !== 'kubernetes.io/tls' || secret.data !== undefined || secret.stringData !== undefined)
    return secret;
  const { certificate, key } = testCertificate('shop.example.com', '*.shop.example.com');
  return { ...secret, stringData: { 'tls.crt': certificate, 'tls.key': key } };
}
