/** What one workload may look at. Each value is the same object while it holds the same. */
import type { Policy } from '../../ir/guard.ts';
import type { MeshSettings } from '../../ir/mesh.ts';
import type { AuthorizationPolicy, PeerAuthentication } from '../../istio/security.ts';
import type { Service } from '../../kube/core.ts';
import type { ObjectKey } from '../../kube/object.ts';
import type { Pod } from '../../kube/pod.ts';
import type { Collection } from '../../kube/snapshot.ts';
import type { TargetIndex } from '../policy-index.ts';
import type { Reach } from './reach.ts';
import type { Rival } from './rivals.ts';

export type MeshWorld = {
  /** Of gateways that have part in a mesh. */
  readonly reach: Reach;
  readonly settings: ReadonlyMap<ObjectKey, MeshSettings>;
  /** At '': identities of all edges. */
  readonly edges: ReadonlyMap<string, readonly string[]>;
  /** At '': of this operator. */
  readonly className: ReadonlyMap<string, readonly string[]>;
  /** By Service: gateways without part in a mesh. */
  readonly plain: ReadonlyMap<ObjectKey, readonly ObjectKey[]>;
  /** By Service: operators of other classes. */
  readonly rivals: ReadonlyMap<ObjectKey, readonly Rival[]>;
  readonly Service: Collection<Service>;
  readonly authOn: TargetIndex<Policy>;
  /** By namespace; those that may serve. */
  readonly pods: ReadonlyMap<string, readonly Pod[]>;
  /** By namespace; of somebody else. */
  readonly foreign: ReadonlyMap<string, readonly AuthorizationPolicy[]>;
  /** By namespace, ours too. */
  readonly peers: ReadonlyMap<string, readonly PeerAuthentication[]>;
};
