/** Whether a proxy of the mesh stands before a workload's Pods, and callers come by it. */
import { keyOf } from '../../kube/object.ts';
import type { Finding } from '../../status/finding.ts';
import { podFacts } from './pods.ts';
import type { Verdict } from './reports.ts';
import type { MeshLook, Scene } from './scene.ts';

export function enrolment({ pods, settings, seed }: Scene): readonly Verdict[] {
  const { proxies } = podFacts(pods);
  const wanted = settings.mode === 'Sidecar' ? 'sidecar' : 'ztunnel';
  const what = `Service ${seed.key}`;
  const saying = (message: string, remedy = takeUp(settings)): readonly Verdict[] => [
    { reason: 'NotEnrolled', message, remedy },
  ];
  if (pods.length === 0) {
    return saying(
      `no Pod of ${what} is known, so nobody knows whether a proxy stands before it`,
      'Start its Pods, or correct its selector',
    );
  }
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

/** What makes Istio take up Pods. */
function takeUp({ mode, revision, enrol }: Scene['settings']): string {
  const byRevision = `istio.io/rev: ${revision}`;
  const injection = revision === '' ? 'istio-injection: enabled' : byRevision;
  const [label, more] =
    mode === 'Sidecar' ? [injection, ' and restart its Pods'] : ['istio.io/dataplane-mode: ambient', ''];
  if (enrol)
    return `See that no label of the Pods keeps them out of the mesh,${more === '' ? '' : `${more},`} and that Istio runs`;
  return `Label its namespace ${label}${more}, or write spec.mesh.enrolment: Managed at the ApiGateway`;
}

export interface Headless {
  readonly verdicts: readonly Verdict[];
  readonly findings: readonly Finding[];
}

/** A waypoint stands before addresses of Services, and these have none: callers dial the Pods. */
export function headless({ seed: { namespace, services }, point, closed }: Scene, look: MeshLook): Headless {
  const isHeadless = (name: string) => look.get('Service', keyOf(namespace, name))?.spec?.clusterIP === 'None';
  const named = services.filter((name) => closed.some(({ service }) => service === name) && isHeadless(name));
  const all = (point === 'waypoint' ? named : []).map((name) => ({
    about: { kind: 'Service', namespace, name },
    message: `Service ${keyOf(namespace, name)} is headless (clusterIP: None): requests go to its Pods' own addresses and pass the waypoint by, so ztunnel, which admits the waypoint alone, refuses them`,
    remedy: 'Give the Service an address of its own, or leave out spec.mesh.waypoint of the ApiGateway',
  }));
  return {
    verdicts: all.map(({ message, remedy }) => ({ reason: 'NotEnrolled', message, remedy })),
    findings: all.map((one) => ({
      ...one,
      severity: 'error',
      reason: 'NotEnrolled',
      at: 'spec.clusterIP',
    })),
  };
}
