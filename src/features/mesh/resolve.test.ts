import { describe, expect, test } from '@jest/globals';
import type { MeshSettings } from '../../ir/mesh.ts';
import type { KubeObject } from '../../kube/object.ts';
import { configMap, gateway } from '../../testing/build.ts';
import { compile } from '../../testing/compile.ts';
import { readMeshConfig } from './mesh-config.ts';

interface Told {
  readonly settings: MeshSettings | undefined;
  readonly findings: readonly string[];
}

function resolved(mesh: object, ...objects: readonly KubeObject[]): Told {
  const { resolution } = compile([gateway({ mesh }), ...objects]);
  return {
    settings: resolution.gateways.get('shop/edge')?.mesh,
    findings: resolution.findings.map(
      ({ severity, at, message, remedy }) => `${severity} ${at}: ${message}. ${remedy}`,
    ),
  };
}

function meshConfig(text: string, name = 'istio', namespace = 'istio-system'): KubeObject {
  return configMap({ mesh: text }, { name, namespace });
}

const ordinary = meshConfig('pathNormalization: {normalization: DECODE_AND_MERGE_SLASHES}');

test('what nobody says has its default', () => {
  expect(resolved({ mode: 'Sidecar' }, meshConfig(''))).toEqual({
    settings: {
      mode: 'Sidecar',
      enforcement: 'Enforce',
      mtls: 'Strict',
      trustDomain: 'cluster.local',
      trustDomainAliases: [],
      rootNamespace: 'istio-system',
      onLastPolicy: 'Keep',
      waypoint: undefined,
      enrol: false,
      revision: '',
      identity: 'cluster.local/ns/shop/sa/edge-edge',
      normalises: false,
    },
    findings: [
      'warning spec.mesh: by pathNormalization of its MeshConfig, ConfigMap istio-system/istio, the mesh normalises paths less than the gateway, so rules about paths admit nobody who comes from inside the mesh. Set pathNormalization: {normalization: DECODE_AND_MERGE_SLASHES} there',
    ],
  });
});

test('what is written, and what MeshConfig says', () => {
  const spec = {
    mode: 'Ambient',
    enforcement: 'Shadow',
    mtls: 'Permissive',
    namespace: 'mesh',
    revision: 'stable',
    waypoint: { name: 'waypoint', managed: true },
    enrolment: 'Managed',
    onLastPolicy: 'Release',
  };
  const text = `
    trustDomain: example.com
    trustDomainAliases: [old.example.com, cluster.local]
    rootNamespace: mesh-root
    path_normalization: {normalization: 4}
    defaultConfig: {tracing: {}}`;
  expect(resolved(spec, meshConfig(text, 'istio-stable', 'mesh'))).toEqual({
    settings: {
      mode: 'Ambient',
      enforcement: 'Shadow',
      mtls: 'Permissive',
      trustDomain: 'example.com',
      trustDomainAliases: ['cluster.local', 'old.example.com'],
      rootNamespace: 'mesh-root',
      onLastPolicy: 'Release',
      waypoint: { name: 'waypoint', managed: true },
      enrol: true,
      revision: 'stable',
      identity: 'example.com/ns/shop/sa/edge-edge',
      normalises: true,
    },
    findings: [],
  });
});

test.each([
  ['None', { mode: 'None' }],
  ['nothing', {}],
])('a gateway with %s is in no mesh, and asks for no MeshConfig', (_, mesh) => {
  expect(resolved(mesh)).toEqual({ settings: undefined, findings: [] });
});

test('the MeshConfig is among what is to be fetched', () => {
  const { references } = compile([gateway({ mesh: { mode: 'Sidecar', revision: 'stable' } })]).resolution;
  expect([...references.keySets('ConfigMap')]).toEqual([['istio-system/istio-stable', new Set(['shop/edge'])]]);
});

describe('mistakes', () => {
  test.each<[string, object, readonly KubeObject[], string]>([
    [
      'a MeshConfig that is not there',
      { mode: 'Sidecar' },
      [],
      "warning spec.mesh: Istio's MeshConfig, ConfigMap istio-system/istio, is not there or may not be read, so nobody knows its trust domain, nor whether it normalises paths as the gateway does. Install Istio, name its namespace and revision, or let the operator read it (mesh.istioNamespace of the chart)",
    ],
    [
      'one that is no YAML',
      { mode: 'Sidecar' },
      [meshConfig('trustDomain: [')],
      "error spec.mesh: Istio's MeshConfig, key mesh of ConfigMap istio-system/istio, cannot be read: it is not YAML: Flow sequence in block collection must be sufficiently indented and end with a ] at line 1, column 15. Mend it, as istiod cannot read it either, or name the revision that the mesh runs",
    ],
    [
      'another trust domain',
      { mode: 'Sidecar', trustDomain: 'cluster.local' },
      [meshConfig('{trustDomain: example.com, pathNormalization: {normalization: DECODE_AND_MERGE_SLASHES}}')],
      "error spec.mesh.trustDomain: the mesh's trust domain is example.com, by its MeshConfig, which is what counts. Write example.com, or leave it out",
    ],
    [
      'a waypoint for sidecars',
      { mode: 'Sidecar', waypoint: { name: 'waypoint' } },
      [ordinary],
      'error spec.mesh.waypoint: waypoint does nothing with mode: Sidecar. Remove it, or write mode: Ambient',
    ],
    [
      'an agent where there is none',
      { mode: 'Ambient', agentImage: 'docker.io/istio/proxyv2:1.31.1' },
      [ordinary],
      'error spec.mesh.agentImage: agentImage does nothing with mode: Ambient. Remove it, or write mode: Sidecar',
    ],
    [
      'a mesh that is not named',
      { mtls: 'Strict' },
      [],
      'error spec.mesh.mtls: mtls does nothing with mode: None. Remove it, or write mode: Sidecar or Ambient',
    ],
  ])('%s', (_, mesh, objects, expected) => {
    expect(resolved(mesh, ...objects).findings).toEqual([expected]);
  });

  test('leave the gateway in its mesh, with the trust domain that its certificates have', () => {
    const { settings } = resolved({ mode: 'Sidecar', trustDomain: 'a' }, meshConfig('trustDomain: b'));
    expect(settings?.identity).toBe('b/ns/shop/sa/edge-edge');
  });
});

describe('MeshConfig', () => {
  test.each([
    ['NONE', false],
    ['BASE', false],
    ['DEFAULT', false],
    ['MERGE_SLASHES', false],
    ['DECODE_AND_MERGE_SLASHES', true],
    ['4', true],
    ['3', false],
  ])('%s normalises as the edge does: %s', (word, expected) => {
    expect(readMeshConfig(`pathNormalization: {normalization: ${word}}`)).toMatchObject({
      config: { normalises: expected },
    });
  });

  test.each([
    ['7', 'it is not a YAML object'],
    ['[a]', 'it is not a YAML object'],
    ['trustDomain: 7', 'trustDomain or rootNamespace is not a text'],
    ['trustDomainAliases: a', 'trustDomainAliases is not a list of texts'],
    ['trustDomainAliases: [7]', 'trustDomainAliases is not a list of texts'],
  ])('%s: %s', (text, problem) => {
    expect(readMeshConfig(text)).toEqual({ ok: false, problem });
  });

  test('null is absent', () => {
    expect(readMeshConfig('{trustDomain: null, pathNormalization: null}')).toEqual(readMeshConfig(''));
  });
});
