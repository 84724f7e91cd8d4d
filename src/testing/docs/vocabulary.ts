/** Names that the documentation may put into backticks, because there is what they name. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { kinds } from '../../api/kinds.ts';
import { enforcementReasons } from '../../reconcilers/enforcement.ts';
import { reasons } from '../../status/finding.ts';
import { root } from './page.ts';

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const schemas = kinds.map(({ kind }): unknown => JSON.parse(read(`docs/schemas/${kind.toLowerCase()}_v1alpha1.json`)));

/** Keys of objects, and values of `enum`, however deep. */
function namesIn(value: unknown, found: Set<string> = new Set()): ReadonlySet<string> {
  if (typeof value !== 'object' || value === null) return found;
  for (const [key, inner] of Object.entries(value)) {
    found.add(key);
    if (key === 'enum' || key === 'const') for (const one of [inner].flat()) found.add(String(one));
    namesIn(inner, found);
  }
  return found;
}

const conditions = [
  'Accepted',
  'ResolvedRefs',
  'Programmed',
  'EdgeEnforced',
  'MeshEnforced',
  'Ready',
  'Reconciling',
  'Stalled',
] as const;

/** Of Kubernetes, Gateway API, Flux, Argo CD, ingress-nginx and Envoy. */
const ofOthers = `
  ApiGateway GatewayClass HTTPRoute GRPCRoute TLSRoute TCPRoute ReferenceGrant RequestHeaderModifier ResponseHeaderModifier
  RequestRedirect URLRewrite RequestMirror ImplementationSpecific ExternalName NodePort ClusterIP ServerSideApply
  appProtocol gatewayClassName ignoreDifferences healthCheckExprs dependsOn targetPort observedGeneration ingressClassName
  pathType secretName parentRef aggregateRoles meshConfig pathNormalization
`
  .split(/\s+/)
  .filter(Boolean);

/** Names in which letters change their size, with those that do not. */
export const names: ReadonlySet<string> = new Set([
  ...schemas.flatMap((schema) => [...namesIn(schema)]),
  ...namesIn(parse(read('charts/evengate/values.yaml'))),
  ...kinds.map(({ kind }) => kind),
  ...Object.keys(reasons),
  ...enforcementReasons,
  ...conditions,
  ...ofOthers,
]);

/** `metrics.md` is made from the code. */
export const metrics: ReadonlySet<string> = new Set(
  [...read('docs/reference/metrics.md').matchAll(/^\| `(\w+)` \|/gm)].map(([, name = '']) => name),
);

const metric = /^(?:evengate|envoy|controller_runtime|workqueue|rest_client|leader_election)_[a-z0-9_]+$/;
const path = /^(?:charts|examples|docs|src|bin|e2e|plugins|scripts|crds)\/[\w./-]*$/;
/** `Programmed=False/ConfigTooLarge`, `spec.workload.replicas`, `listeners[].tls` */
const name = /^[A-Za-z][A-Za-z.[\]]*(?:=(?:True|False|Unknown)(?:\/[A-Za-z]+)?)?$/;

/** What of a text in backticks names something of ours that there is not. */
export function unknownIn(text: string, exists: (path: string) => boolean): readonly string[] {
  if (metric.test(text)) return metrics.has(text) ? [] : [text];
  if (path.test(text)) return exists(text) ? [] : [text];
  if (!name.test(text)) return [];
  const parts = text.split(/[.=/]|\[\]/);
  return parts.filter((part) => /[a-z][A-Z]/.test(part) && !names.has(part));
}
