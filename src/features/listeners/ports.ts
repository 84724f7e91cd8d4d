/** Ports of listeners that a Pod cannot open. */
import { containerPort, ownPorts } from '../../ir/container-port.ts';
import type { ListenerSpec } from './schema.ts';

interface Sentence {
  readonly message: string;
  readonly remedy: string;
}

/** What of Istio stands in each Pod: the agent's status, and ztunnel's ends for what leaves, comes, comes through the mesh, and asks for names. */
const ofIstio: Readonly<Record<'Sidecar' | 'Ambient', readonly number[]>> = {
  Sidecar: [15_020],
  Ambient: [15_001, 15_006, 15_008, 15_053],
};

/** Why the listener cannot be served where it is, or undefined. */
export function portProblem(
  { port }: ListenerSpec,
  all: readonly ListenerSpec[],
  mode: 'None' | 'Sidecar' | 'Ambient' = 'None',
): Sentence | undefined {
  const inPod = containerPort(port);
  const taken = mode === 'None' ? [] : ofIstio[mode];
  if (taken.includes(inPod)) {
    const message = `port ${port} is Istio's own in every Pod of a gateway in a mesh of mode ${mode}`;
    return { message, remedy: `Give the listener a port other than ${taken.join(', ')}` };
  }
  const ours = Object.entries(ownPorts).find(([, own]) => own === inPod);
  if (ours !== undefined) {
    const message = `port ${port} is Evengate's own in every Envoy's Pod (${ours[0]})`;
    return { message, remedy: `Give the listener a port other than ${Object.values(ownPorts).join(', ')}` };
  }
  const twin = all.find((other) => other.port !== port && containerPort(other.port) === inPod);
  if (twin === undefined) return undefined;
  const [low, high] = port < twin.port ? [port, twin.port] : [twin.port, port];
  return {
    message: `ports ${low} and ${high} would both be ${inPod} in the Pod, where ports below 1024 are 10000 higher; neither is served`,
    remedy: 'Give one of the listeners another port',
  };
}
