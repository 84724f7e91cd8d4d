/** ConfigMap delivery: the Envoys of one gateway, told by ConfigMaps that their pods mount as one projected volume. */
export type {
  ConfigMapDelivery,
  EdgeContent,
  EdgeFleet,
  EdgePod,
  Envoys,
  PodAccess,
  Published,
} from './configmap/contract.ts';
