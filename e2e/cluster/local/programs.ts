/** Command lines of the local cluster's programs. */
import type { Binaries } from './build.ts';
import { apiServerPort, nodeAddress, nodeName, type Places, serviceNetwork } from './places.ts';

/** One a program. All are started at once: each waits for those it needs, or is started again. */
export function commandLines(
  places: Places,
  binaries: Binaries,
): readonly (readonly [name: string, command: readonly string[]])[] {
  const { folder, configs } = places;
  const config = (name: string) => `--kubeconfig=${configs}/${name}.kubeconfig`;
  const node = `--hostname-override=${nodeName}`;
  return [
    [
      'etcd',
      [
        binaries.etcd,
        `--data-dir=${folder}/etcd`,
        '--unsafe-no-fsync',
        '--log-level=warn',
        '--quota-backend-bytes=4294967296',
      ],
    ],
    ['containerd', ['containerd', `--config=${configs}/containerd.toml`]],
    ['kube-apiserver', [binaries['kube-apiserver'], ...apiServerFlags(places)]],
    [
      'kube-controller-manager',
      [binaries['kube-controller-manager'], config('kube-controller-manager'), ...controllerManagerFlags(places)],
    ],
    ['kube-scheduler', [binaries['kube-scheduler'], config('kube-scheduler'), '--leader-elect=false']],
    [
      'kubelet',
      [binaries['kubelet'], config('kubelet'), `--config=${configs}/kubelet.json`, node, `--node-ip=${nodeAddress}`],
    ],
    ['kube-proxy', [binaries['kube-proxy'], `--config=${configs}/kube-proxy.json`, node]],
  ];
}

function apiServerFlags({ certificates }: Places): readonly string[] {
  const file = (name: string) => `${certificates}/${name}`;
  return [
    '--etcd-servers=http://127.0.0.1:2379',
    `--secure-port=${apiServerPort}`,
    `--advertise-address=${nodeAddress}`,
    `--tls-cert-file=${file('kube-apiserver.crt')}`,
    `--tls-private-key-file=${file('kube-apiserver.key')}`,
    `--client-ca-file=${file('ca.crt')}`,
    `--kubelet-client-certificate=${file('kubelet-client.crt')}`,
    `--kubelet-client-key=${file('kubelet-client.key')}`,
    '--kubelet-preferred-address-types=InternalIP',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${file('service-account.crt')}`,
    `--service-account-signing-key-file=${file('service-account.key')}`,
    `--service-cluster-ip-range=${serviceNetwork}`,
    '--authorization-mode=Node,RBAC',
    '--allow-privileged=true',
  ];
}

function controllerManagerFlags({ certificates }: Places): readonly string[] {
  const file = (name: string) => `${certificates}/${name}`;
  return [
    '--leader-elect=false',
    '--use-service-account-credentials=true',
    `--service-account-private-key-file=${file('service-account.key')}`,
    `--root-ca-file=${file('ca.crt')}`,
    `--cluster-signing-cert-file=${file('ca.crt')}`,
    `--cluster-signing-key-file=${file('ca.key')}`,
  ];
}
