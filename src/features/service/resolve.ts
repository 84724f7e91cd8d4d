/** Checks `service` against the listeners. */
import type { Exposure } from '../../ir/workload.ts';
import type { ObjectRef } from '../../kube/object.ts';
import type { Finding } from '../../status/finding.ts';
import { labelKeys } from '../label-keys.ts';
import type { ServiceSpec } from './schema.ts';

const at = 'spec.service';

export function resolveService(
  about: ObjectRef,
  spec: ServiceSpec = {},
  listenerPorts: readonly number[] = [],
): { readonly exposure: Exposure; readonly findings: readonly Finding[] } {
  const labels = labelKeys(spec.labels, { about, at: `${at}.labels` });
  const annotations = labelKeys(spec.annotations, { about, at: `${at}.annotations` });
  const { type = 'LoadBalancer', loadBalancerClass, allocateLoadBalancerNodePorts, externalTrafficPolicy } = spec;
  return {
    exposure: {
      type,
      labels: labels.kept,
      annotations: annotations.kept,
      sourceRanges: (spec.loadBalancerSourceRanges ?? []).map(asBlock),
      nodePorts: new Map((spec.nodePorts ?? []).map(({ port, nodePort }) => [port, nodePort])),
      asWritten: {
        ...(loadBalancerClass === undefined ? {} : { loadBalancerClass }),
        ...(allocateLoadBalancerNodePorts === undefined ? {} : { allocateLoadBalancerNodePorts }),
        ...(externalTrafficPolicy === undefined ? {} : { externalTrafficPolicy }),
      },
    },
    findings: [...labels.findings, ...annotations.findings, ...nodePortFindings(about, spec, listenerPorts)],
  };
}

/** A Service takes only blocks. */
function asBlock(range: string): string {
  if (range.includes('/')) return range;
  return range.includes(':') ? `${range}/128` : `${range}/32`;
}

function nodePortFindings(
  about: ObjectRef,
  { nodePorts = [] }: ServiceSpec,
  listenerPorts: readonly number[],
): readonly Finding[] {
  return nodePorts.flatMap(({ port, nodePort }, index): readonly Finding[] => {
    const entry = `${at}.nodePorts[${index}]`;
    const common = { about, severity: 'error', reason: 'UnsupportedValue' } as const;
    if (!listenerPorts.includes(port)) {
      const message = `no listener has port ${port}`;
      return [{ ...common, at: `${entry}.port`, message, remedy: 'Name the port of a listener, or remove the entry' }];
    }
    const twin = nodePorts.find((other) => other.nodePort === nodePort && other.port !== port);
    if (twin === undefined) return [];
    const message = `node port ${nodePort} is given to port ${twin.port}, too`;
    return [{ ...common, at: `${entry}.nodePort`, message, remedy: 'Give each port a node port of its own' }];
  });
}
