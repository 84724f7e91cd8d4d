/** `mesh` of an ApiGateway with its defaults, and with what Istio's MeshConfig says. */
import { edgeIdentity } from '../../ir/child-name.ts';
import type { Lookup } from '../../ir/lookup.ts';
import type { MeshSettings } from '../../ir/mesh.ts';
import { describeRef, type ObjectRef } from '../../kube/object.ts';
import type { Finding } from '../../status/finding.ts';
import { istioNamespace } from './agent.ts';
import {
  defaultRootNamespace,
  defaultTrustDomain,
  type MeshConfig,
  meshConfigMap,
  readMeshConfig,
} from './mesh-config.ts';
import type { MeshSpec } from './schema.ts';

export interface ResolvedMesh {
  /** Undefined for a gateway that has no part in a mesh. */
  readonly settings: MeshSettings | undefined;
  readonly findings: readonly Finding[];
}

/** What is wrong never takes a gateway out of its mesh: that would open what stands behind it. */
export function resolveMesh(gateway: ObjectRef, spec: MeshSpec | undefined, lookup: Lookup): ResolvedMesh {
  const { mode = 'None', namespace = istioNamespace, revision = '' } = spec ?? {};
  if (spec === undefined || mode === 'None') return { settings: undefined, findings: unused(gateway, spec, 'None') };
  const { config, findings } = findConfig(
    gateway,
    { kind: 'ConfigMap', namespace, name: meshConfigMap(revision) },
    lookup,
  );
  // The cluster's word counts: a deny of an identity in a trust domain that does not exist would refuse nobody.
  const trustDomain = config?.trustDomain ?? spec.trustDomain ?? defaultTrustDomain;
  return {
    settings: {
      mode,
      enforcement: spec.enforcement ?? 'Enforce',
      mtls: spec.mtls ?? 'Strict',
      trustDomain,
      trustDomainAliases: config?.trustDomainAliases ?? [],
      rootNamespace: config?.rootNamespace ?? defaultRootNamespace,
      onLastPolicy: spec.onLastPolicy ?? 'Keep',
      waypoint: mode === 'Ambient' ? waypointOf(spec) : undefined,
      enrol: spec.enrolment === 'Managed',
      revision,
      identity: edgeIdentity(gateway, trustDomain),
      normalises: config?.normalises,
    },
    findings: [...unused(gateway, spec, mode), ...findings, ...contradiction(gateway, spec, config)],
  };
}

function waypointOf({ waypoint }: MeshSpec): MeshSettings['waypoint'] {
  return waypoint === undefined ? undefined : { name: waypoint.name, managed: waypoint.managed ?? false };
}

const onlyIn: Readonly<Partial<Record<keyof MeshSpec, 'Sidecar' | 'Ambient'>>> = {
  waypoint: 'Ambient',
  agentImage: 'Sidecar',
};

/** Fields that would do nothing. */
function unused(about: ObjectRef, spec: MeshSpec | undefined, mode: NonNullable<MeshSpec['mode']>): readonly Finding[] {
  const written = Object.keys(spec ?? {}) as readonly (keyof MeshSpec)[];
  const idle = written.filter((name) => name !== 'mode' && spec?.[name] !== undefined && !counts(name, mode));
  return idle.map((name) => ({
    about,
    severity: 'error',
    reason: 'UnsupportedValue',
    at: `spec.mesh.${name}`,
    message: `${name} does nothing with mode: ${mode}`,
    remedy: `Remove it, or write mode: ${onlyIn[name] ?? 'Sidecar or Ambient'}`,
  }));
}

function counts(name: keyof MeshSpec, mode: NonNullable<MeshSpec['mode']>): boolean {
  // Who leaves the mesh may let go of what was closed.
  return name === 'onLastPolicy' || (mode !== 'None' && (onlyIn[name] ?? mode) === mode);
}

interface FoundConfig {
  /** Undefined where nobody knows what it says. */
  readonly config: MeshConfig | undefined;
  readonly findings: readonly Finding[];
}

function findConfig(about: ObjectRef, ref: ObjectRef, lookup: Lookup): FoundConfig {
  const found = lookup.configMap(ref.namespace, ref.name);
  if (found === undefined) return { config: undefined, findings: [unknownConfig(about, ref)] };
  const read = lookup.once(found.data?.['mesh'] ?? '', readMeshConfig);
  if (read.ok) return { config: read.config, findings: read.config.normalises ? [] : [normalisesLess(about, ref)] };
  return {
    config: undefined,
    findings: [
      {
        about,
        severity: 'error',
        reason: 'UnsupportedValue',
        at: 'spec.mesh',
        message: `Istio's MeshConfig, key mesh of ${describeRef(ref)}, cannot be read: ${read.problem}`,
        remedy: 'Mend it, as istiod cannot read it either, or name the revision that the mesh runs',
      },
    ],
  };
}

function normalisesLess(about: ObjectRef, ref: ObjectRef): Finding {
  return mismatch(
    about,
    `by pathNormalization of its MeshConfig, ${describeRef(ref)}, the mesh normalises paths less than the gateway, so rules about paths admit nobody who comes from inside the mesh`,
    'Set pathNormalization: {normalization: DECODE_AND_MERGE_SLASHES} there',
  );
}

function unknownConfig(about: ObjectRef, ref: ObjectRef): Finding {
  return mismatch(
    about,
    `Istio's MeshConfig, ${describeRef(ref)}, is not there or may not be read, so nobody knows its trust domain, nor whether it normalises paths as the gateway does`,
    'Install Istio, name its namespace and revision, or let the operator read it (mesh.istioNamespace of the chart)',
  );
}

function mismatch(about: ObjectRef, message: string, remedy: string): Finding {
  return { about, severity: 'warning', reason: 'NormalizationMismatch', at: 'spec.mesh', message, remedy };
}

function contradiction(about: ObjectRef, spec: MeshSpec, config: MeshConfig | undefined): readonly Finding[] {
  if (spec.trustDomain === undefined || config === undefined || spec.trustDomain === config.trustDomain) return [];
  return [
    {
      about,
      severity: 'error',
      reason: 'UnsupportedValue',
      at: 'spec.mesh.trustDomain',
      message: `the mesh's trust domain is ${config.trustDomain}, by its MeshConfig, which is what counts`,
      remedy: `Write ${config.trustDomain}, or leave it out`,
    },
  ];
}
