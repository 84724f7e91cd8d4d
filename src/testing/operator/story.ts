/** A run of the shop's story, disturbed or not. */
import { countsOf, endOf, excess, idleWrites, repeatedEvents, reportFaults } from './oracles.ts';
import type { OperatorRig, OperatorSettings } from './rig.ts';
import { createAll, guarded, type Step, shop, shopChanges } from './shop.ts';
import { trafficFaults } from './traffic.ts';

export interface Told {
  readonly end: ReturnType<typeof endOf>;
  readonly counts: ReadonlyMap<string, number>;
}

export type Disturbance = (rig: OperatorRig) => void | Promise<void>;

export interface Story {
  readonly settings?: Partial<OperatorSettings>;
  /** Before anything is. */
  readonly first?: Disturbance;
  /** The shop is open, and nothing more happens by itself. */
  readonly opened?: Disturbance;
  /** What its people do, one after the other. */
  readonly steps?: readonly Step[];
  /** Before the state is looked at. */
  readonly last?: Disturbance;
}

export async function tell(rig: OperatorRig, story: Story = {}): Promise<Told> {
  const { settings = { readSecrets: true }, first, opened, steps = shopChanges, last } = story;
  await first?.(rig);
  createAll(rig.api, shop());
  rig.start(settings);
  await rig.quiet();
  await opened?.(rig);
  for (const step of steps) {
    step(rig.api);
    await rig.quiet();
  }
  await last?.(rig);
  await rig.quiet();
  return { end: endOf(rig), counts: countsOf(rig.writes()) };
}

/** Sentences on what is wrong with a run beside its end. */
export function faultsOf(rig: OperatorRig, usual: Told, allowed = 1): readonly string[] {
  return [
    ...excess(rig.writes(), usual.counts, allowed),
    ...trafficFaults(rig.pods.everyEnvoy(), { guarded, lasting: ['shop/menu'] }),
    ...reportFaults(rig.writes()),
    ...repeatedEvents(rig.writes()),
    ...idleWrites(rig.writes()).map((id) => `${id} changed nothing`),
  ];
}
