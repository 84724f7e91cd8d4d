/** What Istio's MeshConfig says, as far as policies depend on it (istio.io/api/mesh/v1alpha1/config.proto). */
import { parse } from 'yaml';

export interface MeshConfig {
  readonly trustDomain: string;
  /** Sorted; certificates of these count as the trust domain's own, but to ztunnel. */
  readonly trustDomainAliases: readonly string[];
  /** Whose policies are about every namespace. */
  readonly rootNamespace: string;
  /** Slashes are merged and unescaped before paths are compared, as at the edge. */
  readonly normalises: boolean;
}

export type ReadMeshConfig =
  | { readonly ok: true; readonly config: MeshConfig }
  | { readonly ok: false; readonly problem: string };

/** Istio's own, where MeshConfig says nothing. */
export const defaultTrustDomain = 'cluster.local';
export const defaultRootNamespace = 'istio-system';

/** Name of the ConfigMap that istiod reads (pilot/pkg/bootstrap/mesh.go). */
export function meshConfigMap(revision: string): string {
  return revision === '' || revision === 'default' ? 'istio' : `istio-${revision}`;
}

/** `text` is the key `mesh` of that ConfigMap; none is all defaults. */
export function readMeshConfig(text: string): ReadMeshConfig {
  const read = readYaml(text);
  if (!read.ok) return read;
  const fields = read.fields;
  const normalization = member(member(fields, 'pathNormalization'), 'normalization');
  const [trustDomain, rootNamespace] = [member(fields, 'trustDomain'), member(fields, 'rootNamespace')];
  const aliases = member(fields, 'trustDomainAliases') ?? [];
  const wrong = [trustDomain, rootNamespace].find((value) => value !== undefined && typeof value !== 'string');
  if (wrong !== undefined) return { ok: false, problem: 'trustDomain or rootNamespace is not a text' };
  if (!isTexts(aliases)) return { ok: false, problem: 'trustDomainAliases is not a list of texts' };
  return {
    ok: true,
    config: {
      trustDomain: orDefault(trustDomain, defaultTrustDomain),
      trustDomainAliases: [...new Set(aliases)].toSorted(),
      rootNamespace: orDefault(rootNamespace, defaultRootNamespace),
      normalises: normalization === 'DECODE_AND_MERGE_SLASHES' || normalization === 4,
    },
  };
}

type Yaml = { readonly ok: true; readonly fields: unknown } | { readonly ok: false; readonly problem: string };

function readYaml(text: string): Yaml {
  try {
    const fields: unknown = parse(text, { logLevel: 'error' }) ?? {};
    const isObject = typeof fields === 'object' && fields !== null && !Array.isArray(fields);
    return isObject ? { ok: true, fields } : { ok: false, problem: 'it is not a YAML object' };
  } catch (error) {
    const [problem = ''] = error instanceof Error ? error.message.split('\n') : [];
    return { ok: false, problem: `it is not YAML: ${problem.replace(/:$/, '')}` };
  }
}

/** In lower camel case, or as the proto has it: istiod takes both. Null is absent. */
function member(object: unknown, name: string): unknown {
  if (typeof object !== 'object' || object === null) return undefined;
  const fields = object as Readonly<Record<string, unknown>>;
  const ofProto = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return fields[name] ?? fields[ofProto] ?? undefined;
}

function orDefault(value: unknown, fallback: string): string {
  return typeof value === 'string' && value !== '' ? value : fallback;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}
