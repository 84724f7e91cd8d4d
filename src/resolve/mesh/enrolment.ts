/** Whether a proxy of the mesh stands before a workload's Pods. */
import { podFacts } from './pods.ts';
import type { Verdict } from './reports.ts';
import type { Scene } from './scene.ts';

export function enrolment({ pods, settings, seed }: Scene): readonly Verdict[] {
  const { proxies } = podFacts(pods);
  const wanted = settings.mode === 'Sidecar' ? 'sidecar' : 'ztunnel';
  const what = `Service ${seed.key}`;
  const saying = (message: string): readonly Verdict[] => [{ reason: 'NotEnrolled', message }];
  if (pods.length === 0) return saying(`no Pod of ${what} is known, so nobody knows whether a proxy stands before it`);
  if (proxies.size === 1 && proxies.has(wanted)) return [];
  if (!proxies.has(wanted)) {
    const found = proxies.has('none') ? 'no proxy' : `the other data plane (${[...proxies].join(', ')})`;
    return saying(`before the Pods of ${what} stands ${found}, so the mesh does not protect them`);
  }
  if (proxies.has('none')) {
    return saying(`before some Pods of ${what} no proxy stands, so the mesh does not protect those`);
  }
  return saying(
    `there are mixed sidecar and ambient pods in ${what}, and only those of mode ${settings.mode} are protected`,
  );
}
