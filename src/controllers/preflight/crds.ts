/**
 * Whether the API server serves our four kinds with all fields of this version: what a CRD does not know is dropped from what
 * users write without a word. Read from its OpenAPI document, which every account may read.
 */
import { type Fields, fieldsOf, missingFields } from '../../api/crd-fields.ts';
import { group, version } from '../../api/kind.ts';
import { knownFields } from '../../api/known-fields.ts';
import { ApiError, type Client } from '../../kube/client.ts';
import type { JsonSchema } from '../../schema/json-schema.ts';
import { type Finding, some } from './finding.ts';

const remedy =
  'helm upgrade --install evengate-crds, or evengate crds | kubectl apply --server-side --force-conflicts -f -';
const groupVersion = `${group}/${version}`;

/** Of openapi/v3. */
interface Document {
  readonly components?: { readonly schemas?: Readonly<Record<string, JsonSchema>> };
}

interface GroupVersionKind {
  readonly group?: string;
  readonly version?: string;
  readonly kind?: string;
}

/** `known`: the fields of this version, by kind. */
export async function checkCrds(
  client: Client,
  { signal, known = knownFields }: { readonly signal?: AbortSignal; readonly known?: Readonly<Record<string, Fields>> },
): Promise<readonly Finding[]> {
  const served = await servedFields(client, signal);
  const kinds = Object.entries(known);
  const missing = kinds.filter(([kind]) => !served.has(kind)).map(([kind]) => kind);
  const compared = kinds.flatMap(([kind, wanted]) => compare(kind, wanted, served.get(kind)));
  const absent: Finding = {
    check: 'crds',
    level: 'problem',
    said: `the API server does not know ${missing.join(', ')} of ${groupVersion}: ${missing.length === 1 ? 'its CRD is' : 'their CRDs are'} not installed, or not Established yet`,
    remedy: `install them: ${remedy}`,
  };
  const findings = [...(missing.length > 0 ? [absent] : []), ...compared];
  if (findings.some(({ level }) => level === 'problem')) return findings;
  return [
    ...findings,
    { check: 'crds', level: 'ok', said: `${kinds.length} CRDs serve ${groupVersion} with all fields` },
  ];
}

function compare(kind: string, wanted: Fields, found: Fields | undefined): readonly Finding[] {
  if (found === undefined) return [];
  const missing = missingFields(wanted, found);
  const strange = missingFields({ spec: found['spec'] ?? {}, status: found['status'] ?? {} }, wanted);
  const old: Finding = {
    check: 'crds',
    level: 'problem',
    said: `the CRD of ${kind} is older than this version of Evengate: it lacks ${some(missing)}`,
    remedy: `upgrade the CRDs: ${remedy}`,
  };
  const newer: Finding = {
    check: 'crds',
    level: 'warning',
    said: `the CRD of ${kind} is newer than this version of Evengate: objects that use ${some(strange)} are refused`,
    remedy: 'upgrade the operator: helm upgrade evengate',
  };
  return [...(missing.length > 0 ? [old] : []), ...(strange.length > 0 ? [newer] : [])];
}

/** By kind; empty where the group is not served at all. */
async function servedFields(client: Client, signal?: AbortSignal): Promise<ReadonlyMap<string, Fields>> {
  const text = await client
    .text({ path: `/openapi/v3/apis/${groupVersion}`, ...(signal && { signal }) })
    .catch((error: unknown) => {
      if (error instanceof ApiError && error.code === 404) return '{}';
      throw error;
    });
  // A group whose last CRD has just gone has a document without a word for a while.
  const { components = {} } = JSON.parse(text === '' ? '{}' : text) as Document;
  return new Map(
    Object.values(components.schemas ?? {}).flatMap((schema) => {
      const names = (schema['x-kubernetes-group-version-kind'] ?? []) as readonly GroupVersionKind[];
      const own = names.find((name) => name.group === group && name.version === version)?.kind;
      return own === undefined || !(own in knownFields) ? [] : [[own, fieldsOf(schema)] as const];
    }),
  );
}
