/** Which certificates of clients a listener takes. */
import { bundleOf } from '../features/listeners/authorities.ts';
import type { ListenerSpec } from '../features/listeners/schema.ts';
import type { ClientValidation } from '../ir/gateway.ts';
import type { Author, Lookup } from '../ir/lookup.ts';
import { describeRef, type ObjectRef } from '../kube/object.ts';
import type { Finding } from '../status/finding.ts';

export interface ResolvedValidation {
  /** Undefined where the listener asks for none, or cannot be served. */
  readonly validation: ClientValidation | undefined;
  readonly findings: readonly Finding[];
}

/** Of several bundles each must be good: one that is missing may be the one that its clients need. */
export function clientValidationOf({ tls }: ListenerSpec, author: Author, lookup: Lookup): ResolvedValidation {
  const written = tls?.clientValidation;
  if (written === undefined) return { validation: undefined, findings: [] };
  const bundles = written.caCertificateRefs.map(({ name, namespace = author.about.namespace }, index) => {
    const at = `${author.at}.tls.clientValidation.caCertificateRefs[${index}].name`;
    return rootsOf({ kind: 'ConfigMap', namespace, name }, { about: author.about, at }, lookup);
  });
  const findings = bundles.flatMap((bundle) => (typeof bundle === 'string' ? [] : [bundle]));
  const roots = bundles.flatMap((bundle) => (typeof bundle === 'string' ? [bundle] : []));
  if (findings.length > 0) return { validation: undefined, findings };
  return { validation: { roots: roots.join(''), required: written.mode !== 'Optional' }, findings };
}

function rootsOf(ref: ObjectRef, { about, at }: Author, lookup: Lookup): string | Finding {
  if (!lookup.canReference(about, { ...ref, group: '' })) {
    return {
      about,
      severity: 'error',
      reason: 'RefNotPermitted',
      at,
      message: `${describeRef(ref)} is in another namespace and no ReferenceGrant there admits ApiGateways of ${about.namespace}`,
      remedy: `Create a ReferenceGrant in namespace ${ref.namespace} from group evengate.dev, kind ApiGateway, namespace ${about.namespace} to kind ConfigMap`,
    };
  }
  const bundle = bundleOf(lookup.configMap(ref.namespace, ref.name));
  if (bundle.problem === undefined) return bundle.roots;
  return {
    about,
    severity: 'error',
    reason: 'InvalidCertificateRef',
    at,
    message: `${describeRef(ref)} ${bundle.problem}, so the listener is not served: it could not tell whom to admit`,
    remedy:
      'Create a ConfigMap whose ca.crt is a PEM bundle of certificate authorities, or mend it; it is taken up by itself',
  };
}
