/** Delivery by ConfigMaps to real Envoys, as Pods of an API server that is a model. */
import { type ConfigMapDelivery, configMapDelivery, directAccess } from '../delivery/configmap.ts';
import { kubeClient } from '../runtime/client.ts';
import { systemClock } from '../runtime/clock.ts';
import { connectTo } from '../runtime/connection.ts';
import { type KubeApi, startKubeApi } from './kube-api/index.ts';
import { RealPods } from './real-pods.ts';

export interface DeliveryRig {
  readonly api: KubeApi;
  /** Of the namespace shop. */
  readonly pods: RealPods;
  /** One that knows nothing but what is in place, of the ApiGateway shop/edge. */
  readonly deliver: () => ConfigMapDelivery;
  /** After the deliveries are idle. */
  readonly stop: () => Promise<void>;
}

export async function deliveryRig(binary: string, configMaps: readonly string[]): Promise<DeliveryRig> {
  const api: KubeApi = await startKubeApi({
    respond: ({ url }) => {
      const [, name] = /^\/api\/v1\/namespaces\/shop\/pods\/([^/]+)\/log\?/.exec(url) ?? [];
      return name === undefined ? undefined : { body: pods.log(name), contentType: 'text/plain' };
    },
  });
  const connection = connectTo({ server: api.url });
  const client = kubeClient(connection, { fieldManager: 'evengate', clock: systemClock });
  const access = directAccess(client);
  const pods: RealPods = new RealPods({ api, client, binary, namespace: 'shop', configMaps });
  pods.start();
  const options = { configMaps, metadata: {}, client, access, clock: systemClock, log: () => undefined };
  return {
    api,
    pods,
    deliver: () =>
      configMapDelivery({
        gateway: { kind: 'ApiGateway', namespace: 'shop', name: 'edge' },
        fleet: pods.fleet,
        ...options,
      }),
    async stop() {
      await pods.stop();
      access.close();
      await connection.close();
      await api.stop();
    },
  };
}
