/** Plays the kubelet of Pods that are drained: they end when their time is over. */
import { resources } from '../../kube/resources.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { KubeApi } from './index.ts';
import type { Stored } from './stored.ts';
import { kubeletFinalizer } from './world.ts';

export function simulateKubelet(api: KubeApi, clock: Pick<Clock, 'now' | 'sleep'>): { stop(): void } {
  const end = new AbortController();
  const unlisten = api.onChange(({ type, before, after }) => {
    const until = after?.metadata.deletionTimestamp;
    if (type.kind !== 'Pod' || after === undefined || until === undefined) return;
    if (before?.metadata.deletionTimestamp === undefined) void drained(after, Date.parse(until));
  });
  const drained = async (pod: Stored, until: number) => {
    await clock.sleep(until - clock.now(), end.signal).catch(() => undefined);
    const { namespace = '', name, uid } = pod.metadata;
    const last = api.get(resources.Pod, namespace, name) as Stored | undefined;
    if (end.signal.aborted || last?.metadata.uid !== uid) return;
    const finalizers = (last.metadata.finalizers ?? []).filter((one) => one !== kubeletFinalizer);
    api.patch(last, { metadata: { finalizers } });
  };
  return {
    stop() {
      end.abort();
      unlisten();
    },
  };
}
