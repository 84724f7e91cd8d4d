/** What becomes of the objects of a workload that nothing names any more. */
import type { MeshWorkload } from '../../../ir/mesh.ts';
import type { ObjectKey } from '../../../kube/object.ts';
import type { WorkloadStates } from '../../../reconcilers/mesh.ts';
import type { View } from '../world.ts';
import { Formers, type FormersOptions, type FormerWorld, type Stay } from './formers.ts';
import { kept, withKeptPorts } from './kept.ts';
import { isReleased, type Releases } from './release.ts';
import type { Applied, Trying } from './writer.ts';

export interface AbandonedOptions extends FormersOptions {
  readonly releases: Releases;
}

export interface AbandonedWorld extends FormerWorld {
  readonly view: View;
  readonly states: WorkloadStates;
}

/** `soon`: nobody knows what came of another workload yet. */
export type Fate = 'soon' | 'gone' | Applied;

export class Abandoned {
  readonly #options: AbandonedOptions;
  readonly #formers: Formers;

  constructor(options: AbandonedOptions) {
    this.#options = options;
    this.#formers = new Formers(options);
  }

  close(): void {
    this.#formers.close();
  }

  /** Before a workload is about other Pods: as `Formers` says. */
  async leave(...change: Parameters<Formers['leave']>): Promise<Applied | undefined> {
    return await this.#formers.leave(...change);
  }

  /** Those for which it matters what comes of a workload. */
  concernedBy(workload: MeshWorkload, named: FormerWorld['named']): readonly ObjectKey[] {
    return [...this.#options.successions.keptOf(workload, named), ...this.#formers.of(workload)];
  }

  async reconcile(key: ObjectKey, world: AbandonedWorld, trying: Trying): Promise<Fate> {
    const { stored, writer, successions, releases, className } = this.#options;
    const there = stored.of(key);
    if (there.length === 0) {
      releases.forget(key);
      this.#formers.forget(key);
      return 'gone';
    }
    const isAsked = isReleased(world.view.snapshot.ApiGateway, className);
    const leftMs = isAsked ? releases.leftMs(key, stored.count) : undefined;
    const successor = successions.successor(key, world.named, world.states);
    if (successor === 'soon') return 'soon';
    const stay: Stay = this.#formers.stay(key, world) ?? { objects: kept(there) };
    if (stay === 'soon') return stay;
    if (leftMs === 0 || successor === 'closed' || stay === 'over') {
      await writer.prune(key, [], trying.signal);
      return 'gone';
    }
    const objects = withKeptPorts(stay.objects, [], successions.besides(key, there));
    const applied = await writer.apply(objects, false, trying);
    if (applied.state === undefined && stay.isUnderWay !== true) await writer.prune(key, objects, trying.signal);
    return { ...applied, againInMs: soonest(applied.againInMs, leftMs, stay.againInMs) };
  }
}

export function soonest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((ms) => ms !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
