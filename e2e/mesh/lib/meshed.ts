/** Workloads of the mesh, and the world that they are in. */
import type { KubeObject } from '../../../src/kube/object.ts';
import { areUp, demoBackend } from '../../operator/lib/shop.ts';
import { until } from '../../operator/lib/until.ts';
import { openWorld, type World } from '../../operator/lib/world.ts';
import { useIstio } from './istio.ts';

/** A namespace of a test's own on a cluster with Istio; nothing in it is injected that does not ask for it. */
export async function openMesh(name: string): Promise<World> {
  await useIstio();
  return openWorld(name);
}

interface Template {
  readonly spec: { readonly template: { readonly metadata: { readonly labels: object }; readonly spec: object } };
}

/** Each a demo-backend with a sidecar and a service account of its name, behind a Service of that, too; resolves when all are ready. */
export async function meshedBackends(world: World, ...names: readonly string[]): Promise<void> {
  await world.apply(...names.flatMap((name) => [account(name), meshedBackend(name), meshedService(name)]));
  await areUp(world, names);
}

export function meshedBackend(name: string): KubeObject {
  const plain = demoBackend(name) as KubeObject & Template;
  const { metadata, spec } = plain.spec.template;
  const template = {
    metadata: { ...metadata, labels: { ...metadata.labels, 'sidecar.istio.io/inject': 'true' } },
    spec: { ...spec, serviceAccountName: name },
  };
  return { ...plain, spec: { ...plain.spec, template } } as KubeObject;
}

/** Port 80; a sidecar reads HTTP there because it is called so. */
export function meshedService(name: string): KubeObject {
  const ports = [{ name: 'http', port: 80, targetPort: 8080 }];
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { selector: { app: name }, ports } };
}

const account = (name: string): KubeObject => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } });

/** Of the one Pod behind `app`. */
export async function podAddress(world: World, app: string): Promise<string> {
  return until(
    `address of ${app}`,
    async () => (await world.pods(`app=${app}`)).find(({ status }) => status?.podIP)?.status?.podIP,
  );
}
