/** What an operator is given. */
import type { PodAccess } from '../../delivery/configmap.ts';
import type { ConfigMap, Secret } from '../../kube/core.ts';
import type { KubeClient } from '../../runtime/client.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Election } from '../../runtime/leader.ts';
import type { Log } from '../../runtime/logger.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { NamedObjects } from '../../runtime/named-objects.ts';
import type { Tracer } from '../../runtime/tracing.ts';
import type { KeysOptions } from './mesh/keys.ts';

export interface OperatorOptions {
  readonly client: KubeClient;
  readonly election: Election;
  /** How Envoys are asked. */
  readonly access: PodAccess;
  readonly className: string;
  /** Of Envoy, where an ApiGateway names no other. */
  readonly image: string;
  /** Of Istio's agent, where an ApiGateway in a mesh names no other; the one that this version knows when absent. */
  readonly agentImage?: string | undefined;
  /** All when absent. */
  readonly namespaces?: readonly string[] | undefined;
  /** Secrets of other namespaces, and key sets in Secrets. */
  readonly readSecrets: boolean;
  /** Namespaces that it may read Secrets in; all that are watched when absent. */
  readonly secretNamespaces?: readonly string[] | undefined;
  /** Label namespaces and Services, and keep waypoints, where an ApiGateway asks for it; false when absent. */
  readonly meshEnrolment?: boolean | undefined;
  /** How key sets are fetched, where it is not as usual. */
  readonly fetching?: Pick<KeysOptions, 'resolve' | 'refuse' | 'fetch'> | undefined;
  /** Where its Lease is. What it keeps for its next run is there; nothing is kept when absent. */
  readonly ownNamespace?: string | undefined;
  /** Name of this process. */
  readonly instance: string;
  /** Of Evengate. */
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** None when absent. */
  readonly tracer?: Tracer | undefined;
}

/** Objects that others name. */
export interface Named {
  readonly configMaps: NamedObjects<ConfigMap>;
  /** Undefined where the operator reads none. */
  readonly secrets: NamedObjects<Secret> | undefined;
}
