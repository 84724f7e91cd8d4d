/** Ports of a Service, and where they lead. */
import type { ClosedPort } from '../../ir/mesh.ts';
import type { Service, ServicePort } from '../../kube/core.ts';
import type { Pod } from '../../kube/pod.ts';
import { namedPorts } from './pods.ts';

/** All TCP ports. `targets` is empty where the Pods give the name no number, or none is known. */
export function portsOf(service: Service, pods: readonly Pod[]): readonly ClosedPort[] {
  return (service.spec?.ports ?? [])
    .filter(({ protocol = 'TCP' }) => protocol === 'TCP')
    .map((port) => ({ service: service.metadata.name, port: port.port, targets: targetsOf(service, port, pods) }));
}

function targetsOf(
  { spec }: Service,
  { port, targetPort = port }: ServicePort,
  pods: readonly Pod[],
): readonly number[] {
  const targets = typeof targetPort === 'number' ? [targetPort] : numbersOf(targetPort, pods);
  // Of a headless Service callers know the Pods' addresses, and dial what they know of the port.
  if (spec?.clusterIP !== 'None' || targets.length === 0) return targets;
  return [...new Set([...targets, port])].toSorted((a, b) => a - b);
}

/** `"8080"` is a number as well (util.intstr). */
function numbersOf(name: string, pods: readonly Pod[]): readonly number[] {
  return /^\d+$/.test(name) ? [Number(name)] : namedPorts(pods, name);
}
