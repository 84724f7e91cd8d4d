/** What `helm test` asks, asked at once: the Pod of the hook waits a minute for an operator that may be on its way. */
import type { KubeObject } from '../../../src/kube/object.ts';
import { type Ended, manifests } from '../../charts/helm.ts';
import type { Helm } from './helm.ts';

interface TestPod extends KubeObject {
  readonly spec: { readonly containers: readonly [{ readonly args: readonly string[] }] };
}

interface Asked {
  readonly helm: Helm;
  readonly kubectl: (words: readonly string[]) => Promise<Ended>;
  readonly release: string;
  readonly namespace: string;
  readonly deployment: string;
}

/** In a Pod of the operator, whose account that of the hook is. */
export async function askAsHook({ helm, kubectl, release, namespace, deployment }: Asked): Promise<Ended> {
  const [pod] = manifests(await helm.run(['get', 'hooks', release, '--namespace', namespace])) as readonly TestPod[];
  const args = (pod?.spec.containers[0].args ?? []).filter((one) => !one.startsWith('--wait'));
  const program = ['/usr/local/bin/node', '/app/evengate.js', ...args];
  return kubectl(['--namespace', namespace, 'exec', `deployment/${deployment}`, '--', ...program]);
}
