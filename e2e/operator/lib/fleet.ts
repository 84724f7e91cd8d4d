/** The Envoys of the gateway `edge`. */
import type { Pod } from '../../../src/kube/pod.ts';
import { until } from './until.ts';
import type { World } from './world.ts';

const selector = 'evengate.dev/gateway=edge,app.kubernetes.io/component=edge';

/** Those that are on their way out, too. */
export function envoys(world: World): Promise<readonly Pod[]> {
  return world.pods(selector);
}

export function isReady({ metadata, status }: Pod): boolean {
  const ready = status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True');
  return metadata.deletionTimestamp === undefined && ready === true;
}

/** Resolves when there are so many, all Ready, none on its way out, and each `is` what it shall be. */
export function settled(world: World, count: number, is: (pod: Pod) => boolean = () => true): Promise<readonly Pod[]> {
  return until(
    `${count} Envoys, all as they shall be`,
    async () => {
      const pods = await envoys(world);
      return pods.length === count && pods.every((pod) => isReady(pod) && is(pod)) ? pods : undefined;
    },
    { timeoutMs: 80_000, seen: () => state(world) },
  );
}

async function state(world: World): Promise<object> {
  const pods = await envoys(world);
  const gateway = await world.get('ApiGateway', 'edge');
  return { pods: pods.map(({ metadata, status }) => ({ metadata: metadata.name, status })), gateway: gateway?.status };
}
