/** A release of the operator's chart in a namespace of its own, which goes with the world. */

import { describe } from '@jest/globals';
import type { KubeObject } from '../../../src/kube/object.ts';
import { kubectl } from '../../cluster/use.ts';
import { addNamespace } from '../../operator/lib/elsewhere.ts';
import { envoys } from '../../operator/lib/fleet.ts';
import { clusterSuite } from '../../operator/lib/suite.ts';
import type { World } from '../../operator/lib/world.ts';
import { goProgram, tools } from '../../tools/go-program.ts';
import { type Helm, helmBinary, helmOn } from './helm.ts';

/** jest's `describe`; skips, loudly, where there is no cluster or no Helm. */
export async function helmSuite(): Promise<typeof describe | typeof describe.skip> {
  const suite = await clusterSuite();
  return 'skip' in (await goProgram(tools.helm)) ? describe.skip : suite;
}

/** Helm on the world's cluster. */
export async function helmOf(world: World): Promise<Helm> {
  const helm = helmOn({ binary: await helmBinary(), kubeconfig: world.cluster.kubeconfig });
  world.onEnd(async () => helm.end());
  return helm;
}

/** A namespace `<world's>-<suffix>` as strict as Pod Security goes; what is released there, and rights of the class, go with the world. */
export async function releaseNamespace(world: World, helm: Helm, suffix: string): Promise<string> {
  const namespace = await addNamespace(world, suffix, { 'pod-security.kubernetes.io/enforce': 'restricted' });
  world.onEnd(async () => {
    const names = (await helm.run(['list', '--short', '--namespace', namespace])).split('\n').filter(Boolean);
    for (const name of names) await helm.run(['uninstall', name, '--namespace', namespace]);
  });
  return namespace;
}

/** Kind and name of all that is there, but for what Kubernetes, and Istio where it is there, put into each namespace. */
export async function contentOf(namespace: string): Promise<readonly string[]> {
  const kinds = 'all,secrets,configmaps,serviceaccounts,roles,rolebindings,networkpolicies,poddisruptionbudgets,leases';
  const names = await kubectl(['--namespace', namespace, 'get', kinds, '-o', 'name']);
  return names.split('\n').filter((name) => name !== '' && !/\/(default|kube-root-ca\.crt|istio-ca-.*)$/.test(name));
}

const children = ['ServiceAccount', 'ConfigMap', 'NetworkPolicy', 'Service', 'Deployment', 'PodDisruptionBudget'];
const ours = ['ApiGateway', 'Route', 'AuthPolicy', 'RateLimitPolicy'];

/**
 * What changes whenever somebody writes: by object, of users and of the gateway `edge`. Kubernetes itself writes statuses of
 * some kinds, whose generation stands for them; of Pods it is who they are.
 */
export async function stamps(world: World): Promise<Readonly<Record<string, string>>> {
  const owned = children.map((kind) => world.list(kind, 'evengate.dev/gateway=edge'));
  const lists = await Promise.all([...owned, ...ours.map((kind) => world.list(kind))]);
  const written = lists.flat().map((object) => [called(object), stamp(object)] as const);
  const pods = (await envoys(world)).map(({ metadata }) => [`Pod ${metadata.name}`, metadata.uid ?? ''] as const);
  return Object.fromEntries([...written, ...pods]);
}

const called = ({ kind, metadata }: KubeObject) => `${kind} ${metadata.name}`;

function stamp({ kind, metadata }: KubeObject): string {
  const written = ['Deployment', 'PodDisruptionBudget'].includes(kind);
  return written ? `generation ${metadata.generation}` : (metadata.resourceVersion ?? '');
}
