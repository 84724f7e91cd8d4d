/** Objects that an ApiGateway becomes, applied: no write without a difference, and nothing of anybody else's touched. */
import { ApiError, type Client } from '../../kube/client.ts';
import { describeRef, type KubeObject, type ObjectKey, refOf } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import { isApplied, marked } from '../../reconcilers/drift.ts';
import { classLabel } from '../../render/names.ts';
import { heldScale, scaleManager } from '../../render/workload/scaling.ts';
import type { Finding } from '../../status/finding.ts';
import { Applier } from './applier.ts';
import type { Cache } from './collections.ts';
import { isEnding, notApplied } from './refusals.ts';

/** Kinds that an ApiGateway becomes, in the order in which they are applied: what a Pod needs comes before it. */
export const childKinds = [
  'ServiceAccount',
  'Secret',
  'ConfigMap',
  'NetworkPolicy',
  'Service',
  'Deployment',
  'HorizontalPodAutoscaler',
  'PodDisruptionBudget',
] as const;
export type ChildKind = (typeof childKinds)[number];

export interface ChildrenOptions {
  readonly client: Client;
  /** Of our children only. */
  readonly caches: Readonly<Partial<Record<ChildKind, Cache>>>;
  /** ConfigMaps that Envoys are told by: the deliveries apply them, but they go with the others. */
  readonly told: Cache;
  readonly clock: { monotonic(): number };
  readonly log: (level: 'info' | 'warn', message: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** An object that was not applied. */
export interface Failure {
  /** Undefined where it only has to wait. */
  readonly finding: Finding | undefined;
  readonly error: ApiError | undefined;
  readonly againInMs?: number;
}

/** Nobody tells when a name is free that was taken. */
const freeMs = 30_000;
/** The garbage collector is at it. */
const collectedMs = 1000;
export class Children {
  readonly #options: ChildrenOptions;
  readonly #applier: Applier;

  constructor(options: ChildrenOptions) {
    const { client, clock, caches } = options;
    this.#options = options;
    const cacheOf = (kind: string) => caches[kind as ChildKind];
    this.#applier = new Applier({ client, clock, typeOf: (kind) => resources[kind as ChildKind], cacheOf });
  }

  /** Those in the caches that belong to the ApiGateway with this uid. */
  of(uid: string, namespace: string): readonly KubeObject[] {
    const { caches, told } = this.#options;
    return [...childKinds.map((kind) => caches[kind]), told].flatMap((cache) =>
      [...(cache?.snapshot().values() ?? [])].filter(
        ({ metadata }) => metadata.namespace === namespace && isOwnedBy(metadata, uid),
      ),
    );
  }

  /** One of them, as it is now. */
  get(kind: ChildKind, key: ObjectKey): KubeObject | undefined {
    return this.#options.caches[kind]?.get(key);
  }

  /** Applies what differs; one that fails keeps no other from being applied. */
  async apply(gateway: KubeObject, desired: readonly KubeObject[], signal: AbortSignal): Promise<readonly Failure[]> {
    const failures: Failure[] = [];
    for (const object of desired) {
      signal.throwIfAborted();
      const failure = await this.#applyOne(gateway, marked(object), signal);
      if (failure !== undefined) failures.push(failure);
    }
    return failures;
  }

  /** Deletes those that are wanted no more: each only while it is the one that was seen, the gateway's, and ours. */
  async prune(gateway: KubeObject, unwanted: readonly KubeObject[], signal: AbortSignal): Promise<void> {
    for (const object of unwanted) {
      signal.throwIfAborted();
      const isMeant = ({ metadata: { labels, ...metadata } }: KubeObject) =>
        isOwnedBy(metadata, gateway.metadata.uid ?? '') &&
        labels?.[classLabel] === object.metadata.labels?.[classLabel];
      if (!(await this.#applier.remove(object, isMeant, signal))) continue;
      this.#options.log(
        'info',
        `deleted ${describeRef(refOf(object))}, which ${describeRef(refOf(gateway))} needs no more`,
        {},
      );
    }
  }

  async #applyOne(gateway: KubeObject, object: KubeObject, signal: AbortSignal): Promise<Failure | undefined> {
    const { client } = this.#options;
    const isOurs = ({ metadata }: KubeObject) => isOwnedBy(metadata, gateway.metadata.uid ?? '');
    const before = async (there: KubeObject | undefined) => {
      const held = heldScale(object, there);
      const type = resources[object.kind as ChildKind];
      if (held !== undefined) await client.apply(type, held, { force: true, fieldManager: scaleManager, signal });
    };
    try {
      const outcome = await this.#applier.apply(object, { isOurs, isSame: isApplied, before, signal });
      if (outcome.kind === 'taken') return notOurs(gateway, object, outcome.by);
      if (outcome.kind !== 'held') return undefined;
      return { finding: undefined, error: undefined, againInMs: outcome.againInMs };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (isEnding(error)) return undefined;
      return { finding: notApplied(refOf(gateway), describeRef(refOf(object)), error), error };
    }
  }

  /** The watch tells that it is gone. */
  forget(object: KubeObject): void {
    this.#applier.forget(object);
  }
}

export function isOwnedBy({ ownerReferences = [] }: KubeObject['metadata'], uid: string): boolean {
  return ownerReferences.some((owner) => owner.uid === uid);
}

function notOurs(gateway: KubeObject, object: KubeObject, { metadata }: KubeObject): Failure {
  const { name } = gateway.metadata;
  const isLeft = (metadata.ownerReferences ?? []).some((owner) => owner.kind === gateway.kind && owner.name === name);
  // Of an ApiGateway that had this name before.
  if (isLeft) return { finding: undefined, error: undefined, againInMs: collectedMs };
  const finding: Finding = {
    about: refOf(gateway),
    severity: 'error',
    reason: 'NameTaken',
    at: '',
    message: `${describeRef(refOf(object))} exists and does not belong to this ApiGateway, so it is left alone`,
    remedy: 'Delete or rename that object, or rename the ApiGateway',
  };
  return { finding, error: undefined, againInMs: freeMs };
}
