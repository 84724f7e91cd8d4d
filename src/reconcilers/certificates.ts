/** Certificates that Envoys could not load, as findings about the ApiGateway that names them. */
import type { ApiGatewaySpec } from '../api/api-gateway.ts';
import { certificateProblems, certificateRemedy } from '../features/listeners/certificate.ts';
import { describeRef, type KubeObject, type ObjectRef, refOf } from '../kube/object.ts';
import { secretName } from '../render/names.ts';
import type { Finding } from '../status/finding.ts';

/** What Ready Envoys said. */
export interface UnusableCertificate {
  /** `secretName` of it. */
  readonly secret: string;
  readonly details: readonly string[];
  /** Some of them serve by it, as it is or as it was. */
  readonly served: boolean;
}

export interface CertificateReport {
  readonly findings: readonly Finding[];
  /** Names of listeners that no Envoy has any certificate of. */
  readonly shut: readonly string[];
}

/** In the words of an operator that reads Secrets, as far as Envoy's tell. */
export function certificateReport(
  gateway: KubeObject | undefined,
  unusable: readonly UnusableCertificate[],
): CertificateReport {
  if (gateway === undefined || unusable.length === 0) return { findings: [], shut: [] };
  const about = refOf(gateway);
  const bySecret = new Map(unusable.map((one) => [one.secret, one]));
  const { listeners } = gateway.spec as ApiGatewaySpec;
  const named = listeners.map(({ name, tls }, index) => {
    const refs = (tls?.certificateRefs ?? []).map((written, at) => {
      const secret: ObjectRef = {
        kind: 'Secret',
        namespace: written.namespace ?? about.namespace,
        name: written.name,
      };
      const path = `spec.listeners[${index}].tls.certificateRefs[${at}].name`;
      return { secret, path, found: bySecret.get(secretName(secret)) };
    });
    return { name, refs };
  });
  const shut = named.filter(({ refs }) => refs.length > 0 && refs.every(({ found }) => found?.served === false));
  const findings = named.flatMap(({ refs }) =>
    refs.flatMap(({ secret, path, found }) =>
      found === undefined ? [] : [findingOf(about, { secret, path, problem: problemOf(found) })],
    ),
  );
  return { findings, shut: shut.map(({ name }) => name) };
}

interface Found {
  readonly secret: ObjectRef;
  readonly path: string;
  readonly problem: string;
}

function findingOf(about: ObjectRef, { secret, path, problem }: Found): Finding {
  return {
    about,
    severity: 'error',
    reason: 'InvalidCertificateRef',
    at: path,
    message: `${describeRef(secret)} ${problem}`,
    remedy: certificateRemedy,
  };
}

function problemOf({ secret, details, served }: UnusableCertificate): string {
  const said = details.flatMap((detail) => detail.split('; ')).filter((one) => isAbout(one, secret));
  const [first = 'its log does not say why'] = said;
  const known = sentences.find(([pattern]) => said.some((one) => pattern.test(one)))?.[1];
  const problem = known ?? `cannot be loaded by Envoy: ${first.replace(/\.$/, '').slice(0, longest).toWellFormed()}`;
  return served ? `${problem}; Envoys that have a good one serve by it on` : problem;
}

const longest = 300;

/** Its log may name several in one moment. */
function isAbout(detail: string, secret: string): boolean {
  return !detail.includes('Invalid path: ') || detail.includes(`/${secret}/`);
}

const sentences: readonly (readonly [RegExp, string])[] = [
  [/Invalid path: .*tls\.key/, certificateProblems.noKey],
  [/Invalid path: /, certificateProblems.absentOrEmpty],
  [/KEY_VALUES_MISMATCH/, certificateProblems.foreignKey],
  [/Failed to load certificate chain/, certificateProblems.badCertificate],
  [/Failed to load private key/, certificateProblems.badKey],
];
