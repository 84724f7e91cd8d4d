/** Each ApiGateway as the objects that run its Envoys; and none of them where it is another operator's. */

import { copyOf } from '../../delivery/configmap/store.ts';
import type { Gateway } from '../../ir/gateway.ts';
import type { ApiError, Client } from '../../kube/client.ts';
import type { Secret } from '../../kube/core.ts';
import { type KubeObject, type ObjectKey, type ObjectRef, objectKey, refOf } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import { foreignCertificates, mirror } from '../../reconcilers/mirror.ts';
import { certificateMounts } from '../../reconcilers/mounts.ts';
import { creationTrouble, mountedFolders } from '../../reconcilers/pods.ts';
import { childLabels, childName, classLabel, configMapNames, ownerReferences } from '../../render/names.ts';
import { children } from '../../render/workload.ts';
import type { ReconcileContext } from '../../runtime/controller.ts';
import type { Finding } from '../../status/finding.ts';
import type { Children } from './children.ts';
import { isTold } from './refusals.ts';
import { refKey } from './secrets.ts';
import { troubleFinding } from './telling.ts';
import type { View } from './world.ts';

export interface FleetsOptions {
  readonly view: () => View | undefined;
  readonly stored: (key: ObjectKey) => KubeObject | undefined;
  readonly client: Client;
  readonly children: Children;
  readonly className: string;
  /** Of Envoy, where an ApiGateway names no other. */
  readonly image: string;
  /** Of Istio's agent; what this version was made for when absent. */
  readonly agentImage?: string | undefined;
  /** What the Envoys of a gateway were told last. */
  readonly inPlace: (key: ObjectKey) => Gateway | undefined;
  /** Findings of the gateway changed. */
  readonly onFound: (key: ObjectKey) => void;
  /** The gateway is another operator's. */
  readonly onLost: (key: ObjectKey) => void;
  readonly clock: { monotonic(): number };
}

/** For so long the Envoys of a gateway that is another operator's serve on, so that it can take them over. */
const handOverMs = 60_000;

export class Fleets {
  readonly #options: FleetsOptions;
  readonly #findings = new Map<ObjectKey, readonly Finding[]>();
  /** Since when they are another operator's. */
  readonly #lost = new Map<ObjectKey, number>();

  constructor(options: FleetsOptions) {
    this.#options = options;
  }

  get findings(): readonly Finding[] {
    return [...this.#findings.values()].flat();
  }

  /**
   * Resolves with the time after which to look again, if any. Throws the first ApiError of those that were met, so that it
   * is tried again.
   */
  async reconcile(key: ObjectKey, { signal, attempt }: Trying): Promise<Again> {
    const view = this.#options.view();
    const stored = this.#options.stored(key);
    if (view === undefined) return {};
    const unit = view.resolution.gatewayUnits.get(key);
    const isForeign = unit !== undefined && unit.className !== this.#options.className;
    if (!isForeign) this.#lost.delete(key);
    // The API server's garbage collector removes what an ApiGateway leaves behind.
    if (stored === undefined || stored.metadata.deletionTimestamp !== undefined) {
      this.#found(key, []);
      return {};
    }
    const gateway = view.resolution.gateways.get(key);
    if (gateway !== undefined) return this.#apply(key, { stored, gateway, view }, { signal, attempt });
    return isForeign ? this.#release(key, stored, signal) : {};
  }

  async #apply(key: ObjectKey, { stored, gateway, view }: Wanted, { signal, attempt }: Trying): Promise<Again> {
    const desired = this.#desired(key, { stored, gateway, view });
    const failures = await this.#options.children.apply(stored, desired, signal);
    const told = failures.filter((failure) => failure.error === undefined || isTold(failure.error, attempt));
    const trouble = creationTrouble(this.#deployment(gateway.ref));
    this.#found(key, [
      ...told.flatMap(({ finding }) => finding ?? []),
      ...troubleFinding(gateway.ref, trouble === undefined ? [] : [trouble]),
    ]);
    const kept = new Set(desired.map((object) => `${object.kind} ${objectKey(object)}`));
    for (const name of this.#delivered(gateway)) kept.add(`ConfigMap ${refKey({ ...gateway.ref, name })}`);
    const { uid = '' } = stored.metadata;
    const unwanted = this.#options.children
      .of(uid, gateway.ref.namespace)
      .filter((object) => !kept.has(`${object.kind} ${objectKey(object)}`));
    await this.#options.children.prune(stored, unwanted, signal);
    const error = failures.map((failure): ApiError | undefined => failure.error).find((one) => one !== undefined);
    if (error !== undefined) throw error;
    const waits = failures.flatMap(({ againInMs }) => againInMs ?? []);
    return waits.length === 0 ? {} : { requeueAfterMs: Math.min(...waits) };
  }

  #desired(key: ObjectKey, { stored, gateway, view }: Wanted): readonly KubeObject[] {
    const { className, image, agentImage } = this.#options;
    const { ref } = gateway;
    const { uid = '' } = stored.metadata;
    const certificates = certificateMounts(gateway, mountedFolders(this.#deployment(ref)), this.#options.inPlace(key));
    const metadata = { labels: childLabels(ref, className), ownerReferences: ownerReferences(ref, uid) };
    const mirrors = foreignCertificates(gateway).flatMap(({ namespace, name }) => {
      const secret: Secret | undefined = view.snapshot.Secret.get(refKey({ namespace, name }));
      return secret === undefined ? [] : [mirror(ref, secret, metadata)];
    });
    return [...mirrors, ...children(gateway, { owner: { uid }, className, image, agentImage, certificates })];
  }

  #deployment(ref: ObjectRef): KubeObject | undefined {
    return this.#options.children.get('Deployment', refKey({ ...ref, name: childName(ref) }));
  }

  /** ConfigMaps that the delivery writes, and their last good copies. */
  #delivered(gateway: Gateway): readonly string[] {
    return configMapNames(gateway.ref).flatMap((name) => [name, copyOf(name)]);
  }

  /** Once more from the API server, for this takes a fleet down: a cache may be old. */
  async #release(key: ObjectKey, stored: KubeObject, signal: AbortSignal): Promise<Again> {
    this.#found(key, []);
    const { client, children: all, className, clock, onLost } = this.#options;
    onLost(key);
    const ref = refOf(stored);
    const own = all
      .of(stored.metadata.uid ?? '', ref.namespace)
      .filter(({ metadata }) => metadata.labels?.[classLabel] === className);
    if (own.length === 0) return {};
    const since = this.#lost.get(key) ?? clock.monotonic();
    this.#lost.set(key, since);
    const left = since + handOverMs - clock.monotonic();
    if (left > 0) return { requeueAfterMs: left };
    const live = await client.get(resources.ApiGateway, { namespace: ref.namespace, name: ref.name }, { signal });
    const same = live !== undefined && live.metadata.uid === stored.metadata.uid;
    if (same && live.metadata.generation === stored.metadata.generation) await all.prune(stored, own, signal);
    return {};
  }

  #found(key: ObjectKey, findings: readonly Finding[]): void {
    const before = this.#findings.get(key) ?? [];
    if (JSON.stringify(before) === JSON.stringify(findings)) return;
    if (findings.length === 0) this.#findings.delete(key);
    else this.#findings.set(key, findings);
    this.#options.onFound(key);
  }
}

type Trying = Pick<ReconcileContext, 'signal' | 'attempt'>;

export interface Again {
  readonly requeueAfterMs?: number;
}

interface Wanted {
  readonly stored: KubeObject;
  readonly gateway: Gateway;
  readonly view: View;
}
