/** What the Envoys of one gateway may serve: what they were told and have not all acknowledged, and what drained ones had. */
import type { ObjectKey } from '../../kube/object.ts';
import type { Pod } from '../../kube/pod.ts';
import { servesYet } from '../../reconcilers/pods.ts';
import type { Resolution } from '../../resolve/resolve.ts';

export interface ServingOptions {
  readonly gateway: ObjectKey;
  readonly pods: () => readonly Pod[];
  readonly now: () => number;
}

/** While an Envoy is late, of what was told meanwhile the last count. */
const mostTold = 8;

export class Serving {
  readonly #options: ServingOptions;
  #acknowledged: Resolution | undefined;
  /** Since then, in order. */
  #told: readonly Resolution[] = [];
  /** By uid of a Pod that was asked to end: its kubelet mounts nothing anew, so that it has one of these until it has ended. */
  readonly #drained = new Map<string, readonly Resolution[]>();

  constructor(options: ServingOptions) {
    this.#options = options;
  }

  /** By every Ready Envoy. */
  get acknowledged(): Resolution | undefined {
    return this.#acknowledged;
  }

  /** What is served beside it, as far as is known: what an operator before this one told is not. */
  get besides(): readonly Resolution[] {
    const draining = this.#drained.size === 0 ? [] : this.#draining();
    const drained = draining.flatMap(({ metadata: { uid = '' } }) => this.#drained.get(uid) ?? []);
    return [...new Set([...this.#told, ...drained])].filter((one) => one !== this.#acknowledged);
  }

  /** Envoys are about to be told. */
  tell(resolution: Resolution): void {
    this.#look();
    const others = this.#told.filter((one) => !this.#areAlike(one, resolution));
    this.#told = [...others, resolution].slice(-mostTold);
  }

  acknowledge(resolution: Resolution): void {
    this.#look();
    this.#acknowledged = resolution;
    this.#told = [];
  }

  /** Before it changes what Envoys may have: which of them stay with that. */
  #look(): void {
    const pods = this.#options.pods();
    const there = new Set(pods.map(({ metadata: { uid } }) => uid));
    for (const uid of this.#drained.keys()) if (!there.has(uid)) this.#drained.delete(uid);
    const serving = [...(this.#acknowledged === undefined ? [] : [this.#acknowledged]), ...this.#told];
    for (const {
      metadata: { uid = '' },
    } of this.#draining()) {
      if (!this.#drained.has(uid)) this.#drained.set(uid, serving);
    }
  }

  #draining(): readonly Pod[] {
    const now = this.#options.now();
    return this.#options.pods().filter((pod) => servesYet(pod, now));
  }

  /** To these Envoys, and to what is behind them. */
  #areAlike(one: Resolution, other: Resolution): boolean {
    const { gateway } = this.#options;
    return one.mesh === other.mesh && one.gateways.get(gateway) === other.gateways.get(gateway);
  }
}
