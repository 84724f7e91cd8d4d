/** `mesh` of an ApiGateway: how what stands behind it is enforced by Istio. */
import { z } from 'zod';
import { field, labelName, objectName } from '../../schema/fields.ts';
import { imageName } from '../../schema/pods.ts';

/** A SPIFFE trust domain (SPIFFE-ID §2.1). */
const trustDomain = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[a-z0-9._-]+$/, 'must be a SPIFFE trust domain: lower-case letters, digits, ".", "_" and "-"');

export const meshSchema = z.strictObject({
  mode: field(
    z.enum(['None', 'Sidecar', 'Ambient']).optional(),
    'Which data plane of Istio the Services behind the gateway are in. None (the default) writes nothing of Istio.',
    'Sidecar',
  ),
  enforcement: field(
    z.enum(['Enforce', 'Shadow']).optional(),
    'Enforce (the default), or Shadow: the mesh counts what it would refuse (istio.io/dry-run) and takes plaintext, so that it can be switched on without a refused request.',
    'Shadow',
  ),
  mtls: field(
    z.enum(['Strict', 'Permissive', 'Unmanaged']).optional(),
    'PeerAuthentication of the ports that Routes and Service policies name: Strict (the default) refuses plaintext, Permissive takes both, Unmanaged writes none.',
    'Strict',
  ),
  trustDomain: field(
    trustDomain.optional(),
    "Trust domain of the mesh's identities; that of MeshConfig when absent, else cluster.local.",
    'cluster.local',
  ),
  namespace: field(
    labelName.optional(),
    'Namespace of Istio, where its MeshConfig is; istio-system when absent.',
    'istio-system',
  ),
  revision: field(
    labelName.optional(),
    'Revision of Istio (istio.io/rev) whose MeshConfig counts; the default one when absent.',
    'stable',
  ),
  agentImage: field(
    imageName.optional(),
    'Sidecar: image with Istio’s agent, of the mesh’s version, which runs beside each Envoy and gets its certificate; the operator’s own choice when absent.',
    'docker.io/istio/proxyv2:1.31.1-distroless',
  ),
  waypoint: field(
    z
      .strictObject({
        name: field(objectName, 'Name of the waypoint, in the namespace of each Service.', 'waypoint'),
        managed: field(
          z.boolean().optional(),
          'Have the operator keep that Gateway (class istio-waypoint); false when absent.',
          true,
        ),
      })
      .optional(),
    'Ambient: the waypoint that decides by methods, paths, hosts, headers and tokens. Without one, ztunnel decides by identities and ports alone.',
    { name: 'waypoint', managed: true },
  ),
  enrolment: field(
    z.enum(['Unmanaged', 'Managed']).optional(),
    'Managed lets the operator set the labels that make Istio take up the Services behind the gateway (istio.io/use-waypoint) and their namespaces (istio-injection or istio.io/rev, istio.io/dataplane-mode); Unmanaged (the default) leaves them to you.',
    'Managed',
  ),
  onLastPolicy: field(
    z.enum(['Keep', 'Release']).optional(),
    'What becomes of a workload that no Route or Service policy names any more: Keep (the default) leaves it closed, Release removes all that was written for it, which opens it.',
    'Release',
  ),
});

export type MeshSpec = z.infer<typeof meshSchema>;
