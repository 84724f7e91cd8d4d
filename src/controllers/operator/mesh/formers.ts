/** Pods that a workload selected until its Service's selector changed: closed before it is about others, and for as long as there are any. */
import type { MeshWorkload } from '../../../ir/mesh.ts';
import type { SecurityObject } from '../../../istio/security.ts';
import { keyOf, type ObjectKey } from '../../../kube/object.ts';
import type { Pod } from '../../../kube/pod.ts';
import type { Labels } from '../../../kube/pods.ts';
import { reaches } from '../../../reconcilers/mesh.ts';
import { formerName, isFormer, selectorText } from '../../../render/mesh.ts';
import { mayServe } from '../../../resolve/mesh/pod-proxy.ts';
import { selects } from '../../../resolve/mesh/pods.ts';
import type { MeshSources } from './caches.ts';
import { asBefore, asFormer, isOver, type Left, leftBehind, over, selectorOf, sendersOf, underWay } from './former.ts';
import { isClosing, withKeptPorts } from './kept.ts';
import { Releases } from './release.ts';
import type { Stored } from './stored.ts';
import { closesAll, type Successions } from './succession.ts';
import { type Edge, hasAcknowledged } from './travelling.ts';
import type { Applied, Trying, Writer, WriterOptions } from './writer.ts';

export interface FormersOptions {
  readonly className: string;
  readonly clock: { monotonic(): number };
  readonly pods: MeshSources['Pod'];
  readonly stored: Stored;
  readonly writer: Writer;
  readonly successions: Successions;
  readonly enqueue: (workload: ObjectKey) => void;
  readonly log: WriterOptions['log'];
}

/** What of the present matters. */
export interface FormerWorld {
  readonly named: ReadonlyMap<ObjectKey, MeshWorkload>;
  readonly edges: readonly Edge[];
  /** What is to be there for a workload. */
  readonly desired: (workload: MeshWorkload) => readonly SecurityObject[];
}

/** `over`: nobody needs it any more; `soon`: it is being written. */
export type Stay = 'over' | 'soon' | Staying;

export interface Staying {
  readonly objects: readonly SecurityObject[];
  readonly againInMs?: number;
  /** Some of them may not be seen yet. */
  readonly isUnderWay?: boolean;
}

/**
 * For so long requests come to Pods that a Service selects no more: cluster DNS is remembered for 30 s (headless Services),
 * kube-proxy follows within seconds, and what has a connection goes on using it until its proxy is told to close it.
 */
const underWayMs = 60_000;
/** Then it matters more that those are closed which the Service selects now. */
const mostAttempts = 5;
/** Nobody tells of Envoys that have acknowledged. */
const lookAgainMs = 5000;

export class Formers {
  readonly #options: FormersOptions;
  /** Since when others are selected. */
  readonly #since = new Map<ObjectKey, number>();
  /** Those of which there is no Pod left. */
  readonly #bare: Releases;
  /** Those that end with their Pods. */
  readonly #staying = new Set<ObjectKey>();
  readonly #unlisten: () => void;

  constructor(options: FormersOptions) {
    const { clock, pods, enqueue } = options;
    this.#options = options;
    this.#bare = new Releases(clock);
    this.#unlisten = pods.onChange((changes) => {
      const namespaces = new Set(changes.map(({ object }) => object.metadata.namespace ?? ''));
      for (const namespace of namespaces)
        for (const key of this.#staying) if (key.startsWith(`${namespace}/`)) enqueue(key);
    });
  }

  close(): void {
    this.#unlisten();
  }

  /** Those of a workload, and others of its Services. */
  of(workload: MeshWorkload): readonly ObjectKey[] {
    const prefix = `${workload.namespace}/`;
    return [...this.#options.stored.workloads].filter((key) => key.startsWith(prefix) && this.#isOf(key, workload));
  }

  /**
   * Before a workload's objects are about other Pods: closes those that they were about. Where it gives something, that has
   * failed and is to be tried again before anything else is written.
   */
  async leave(
    workload: MeshWorkload,
    desired: readonly SecurityObject[],
    world: FormerWorld,
    trying: Trying,
  ): Promise<Applied | undefined> {
    const { stored, writer, className, log } = this.#options;
    if (workload.settings.enforcement !== 'Enforce') return undefined;
    const there = writer.latest(stored.of(workload.key));
    for (const left of leftBehind(workload, there, desired)) {
      const key = keyOf(workload.namespace, left.name);
      if (!this.#isNeeded(key, { ...left, but: workload.selector }, world.named)) continue;
      this.#since.set(key, this.#options.clock.monotonic());
      const former = asFormer(left);
      const senders = sendersOf(world.edges, workload);
      const objects = underWay(left.objects, { former, className, senders, desired });
      const applied = await writer.apply(this.#besides(key, objects), false, trying);
      if (applied.state === undefined) continue;
      if (applied.error !== undefined && trying.attempt <= mostAttempts) return applied;
      const message = 'message' in applied.state ? applied.state.message : '';
      log('warn', `Pods that Service ${workload.key} selects no more are open: ${message}`, { workload: workload.key });
    }
    return undefined;
  }

  /** What stays of one that nothing names; undefined of one that is none of these. */
  stay(key: ObjectKey, world: FormerWorld): Stay | undefined {
    const { stored, className } = this.#options;
    const there = stored.of(key);
    const objects = there.filter(({ spec }) => spec?.selector !== undefined);
    const parent = this.#parentOf(key, world.named);
    const isClosed = objects.some(isClosing);
    if (objects.length === 0 || (parent === undefined && !isFormer(nameOf(key)))) return undefined;
    if (isOver(objects) && this.#isWritten(key)) return 'soon';
    if (!isClosed || (parent !== undefined && parent.settings.enforcement !== 'Enforce')) return 'over';
    this.#staying.add(key);
    const first = this.#before(key, parent, world.named);
    const bareMs = this.#bareMs(key, { selector: selectorOf(objects), objects, first }, world.named);
    if (bareMs === 0) return 'over';
    const wayMs = isOver(objects) ? 0 : this.#wayMs(key, parent, world.edges);
    if (wayMs === 0) return { objects: over(there), ...(bareMs !== undefined && { againInMs: bareMs }) };
    const desired = parent === undefined ? [] : world.desired(parent);
    const senders = sendersOf(world.edges, parent);
    const staying = underWay(objects, { former: asBefore(nameOf(key), objects), className, desired, senders });
    const others = over(there.filter((object) => !objects.includes(object)));
    return { objects: [...others, ...staying], againInMs: Math.min(wayMs, bareMs ?? wayMs), isUnderWay: true };
  }

  /** Nothing is there for it any more. */
  forget(key: ObjectKey): void {
    this.#since.delete(key);
    this.#bare.forget(key);
    this.#staying.delete(key);
  }

  /** Not all of it may be seen yet. */
  #isWritten(key: ObjectKey): boolean {
    const since = this.#since.get(key);
    return since !== undefined && this.#options.clock.monotonic() < since + lookAgainMs;
  }

  /** For how long it stays though there is no Pod for it; undefined while there is one. */
  #bareMs(key: ObjectKey, about: About, named: FormerWorld['named']): number | undefined {
    if (!this.#isNeeded(key, about, named)) return this.#bare.leftMs(key, this.#options.stored.count);
    this.#bare.forget(key);
    return undefined;
  }

  /** Of those that are closed for the same workload the first by name counts, so that they do not pile up for the same Pods. */
  #before(
    key: ObjectKey,
    parent: MeshWorkload | undefined,
    named: FormerWorld['named'],
  ): readonly (readonly SecurityObject[])[] {
    const { stored } = this.#options;
    const prefix = key.slice(0, key.indexOf('/') + 1);
    return [...stored.workloads]
      .filter((one) => one < key && one.startsWith(prefix) && isFormer(nameOf(one)))
      .filter((one) => isOver(stored.of(one)) && this.#parentOf(one, named) === parent)
      .map((one) => stored.of(one));
  }

  /** What others leave open there, or close, is so here. */
  #besides(key: ObjectKey, objects: readonly SecurityObject[]): readonly SecurityObject[] {
    return withKeptPorts(objects, [], this.#options.successions.besides(key, objects));
  }

  /** How long something may come yet; 0 for no longer. */
  #wayMs(key: ObjectKey, parent: MeshWorkload | undefined, edges: readonly Edge[]): number {
    const now = this.#options.clock.monotonic();
    const since = this.#since.get(key) ?? now;
    this.#since.set(key, since);
    const isAwaited = parent !== undefined && edges.some((edge) => isBehind(edge, parent));
    return Math.max(0, since + underWayMs - now, isAwaited ? lookAgainMs : 0);
  }

  /** The workload of the Service that selected these Pods. */
  #parentOf(key: ObjectKey, named: FormerWorld['named']): MeshWorkload | undefined {
    const namespace = key.slice(0, key.indexOf('/'));
    return named.has(key)
      ? undefined
      : [...named.values()].find((one) => one.namespace === namespace && this.#isOf(key, one));
  }

  #isOf(key: ObjectKey, workload: MeshWorkload): boolean {
    const name = nameOf(key);
    if (key === workload.key || !(isFormer(name) || workload.services.includes(name))) return false;
    const selector = selectorOf(this.#options.stored.of(key));
    if (Object.keys(selector).length === 0 || selectorText(selector) === selectorText(workload.selector)) return false;
    return workload.services.includes(name) || formerName(nameOf(workload.key), selector) === name;
  }

  /** A Pod is there that no other workload guards; in doubt there is. */
  #isNeeded(key: ObjectKey, about: About, named: FormerWorld['named']): boolean {
    const { pods } = this.#options;
    if (!pods.synced) return true;
    const namespace = key.slice(0, key.indexOf('/'));
    const others = [...named.values()].filter((one) => one.namespace === namespace && this.#guards(one, about));
    const first = (about.first ?? []).filter((one) => closesAll(one, about.objects)).map(selectorOf);
    const selectors = [
      ...others.map(({ selector }) => selector),
      ...first,
      ...(about.but === undefined ? [] : [about.but]),
    ];
    const isOpen = ({ metadata: { labels } }: Pod) => !selectors.some((selector) => selects(selector, labels));
    return [...pods.snapshot().values()].some(
      (pod) =>
        pod.metadata.namespace === namespace &&
        mayServe(pod) &&
        selects(about.selector, pod.metadata.labels) &&
        isOpen(pod),
    );
  }

  /** It is to close the same ports, and does. */
  #guards({ key, selector }: MeshWorkload, { objects }: About): boolean {
    const text = selectorText(selector);
    const own = this.#options.stored
      .of(key)
      .filter(({ spec }) => spec?.selector !== undefined && selectorText(spec.selector.matchLabels ?? {}) === text);
    return closesAll(own.filter(isClosing), objects);
  }
}

interface About extends Pick<Left, 'selector' | 'objects'> {
  /** Whom that selects is guarded in a moment. */
  readonly but?: Labels;
  /** What else stays, and goes later. */
  readonly first?: readonly (readonly SecurityObject[])[];
}

function nameOf(key: ObjectKey): string {
  return key.slice(key.indexOf('/') + 1);
}

/** Its Envoys serve something else than they are to, and it sends there. */
function isBehind(edge: Edge, workload: MeshWorkload): boolean {
  const before = edge.served?.gateways.get(edge.key);
  if (before === undefined || hasAcknowledged(edge)) return false;
  return reaches(edge.gateway, workload) || reaches(before, workload);
}
