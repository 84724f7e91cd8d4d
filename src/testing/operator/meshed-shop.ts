/** A shop in a mesh: Service `orders` behind the gateway, Service `billing` for callers inside alone. */
import type { KubeObject } from '../../kube/object.ts';
import { authPolicy, backendRef, gateway, route, routeTarget, service, serviceTarget } from '../build.ts';

export function meshGateway(mesh: object = {}, spec: object = {}): KubeObject {
  return gateway({ ...spec, mesh: { mode: 'Sidecar', ...mesh } });
}

/** With a sidecar, or without. */
export function workloadPod(app: string, proxy: 'sidecar' | 'none' = 'sidecar'): KubeObject {
  const containers = [{ name: app, ports: [{ containerPort: 8080 }] }];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `${app}-0`, namespace: 'shop', labels: { app } },
    spec: {
      serviceAccountName: app,
      containers: proxy === 'sidecar' ? [...containers, { name: 'istio-proxy' }] : containers,
    },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  } as KubeObject;
}

export function workloadService(app: string): KubeObject {
  return service({ selector: { app }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] }, { name: app });
}

export function ordersRoute(): KubeObject {
  const matches = [{ path: { type: 'PathPrefix', value: '/orders' } }];
  return route({ rules: [{ name: 'all', matches, backendRefs: [backendRef()] }] });
}

/** From outside with one of these methods. */
export function ordersPolicy(...methods: readonly string[]): KubeObject {
  return authPolicy({ authorize: { allow: [{ name: 'readers', to: [{ methods }] }] }, targetRefs: [routeTarget()] });
}

/** From inside, as one of these service accounts. */
export function billingPolicy(...serviceAccounts: readonly string[]): KubeObject {
  const allow = [{ name: 'jobs', from: [{ serviceAccounts }] }];
  return authPolicy({ authorize: { allow }, targetRefs: [serviceTarget('billing')] }, { name: 'billing' });
}

export function meshedShop(mesh: object = {}): readonly KubeObject[] {
  return [
    meshGateway(mesh),
    ...['orders', 'billing'].flatMap((app) => [workloadService(app), workloadPod(app)]),
    ordersRoute(),
    ordersPolicy('GET'),
    billingPolicy('shop/batch'),
  ];
}
