/** Configuration files of the local cluster's programs, as objects; JSON is YAML to all who read YAML. */

import type { Certificate } from './certificates.ts';
import { dnsService, type Places, podNetwork } from './places.ts';
import type { TomlTable } from './toml.ts';

export interface KubeconfigParts {
  readonly authority: string;
  readonly client: Certificate;
  readonly server: string;
}

export function kubeconfig({ authority, client, server }: KubeconfigParts): object {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'evengate', cluster: { server, 'certificate-authority-data': base64(authority) } }],
    users: [
      {
        name: 'evengate',
        user: {
          'client-certificate-data': base64(client.certificate),
          'client-key-data': base64(client.key),
        },
      },
    ],
    contexts: [{ name: 'evengate', context: { cluster: 'evengate', user: 'evengate' } }],
    'current-context': 'evengate',
  };
}

export function kubeletConfig({ certificates, cgroup, folder }: Places): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: `${certificates}/ca.crt` },
    },
    authorization: { mode: 'Webhook' },
    clusterDNS: [dnsService],
    clusterDomain: 'cluster.local',
    containerRuntimeEndpoint: `unix://${folder}/containerd.sock`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${cgroup}`,
    // The newest that takes a cgroup v1 host is 1.35, and only when told.
    failCgroupV1: false,
    failSwapOn: false,
    // A disk that is nearly full is this machine's matter: no pod is evicted, no image removed.
    evictionHard: {
      'memory.available': '0%',
      'nodefs.available': '0%',
      'nodefs.inodesFree': '0%',
      'imagefs.available': '0%',
    },
    imageGCHighThresholdPercent: 100,
    resolvConf: `${folder}/resolv.conf`,
    volumePluginDir: `${folder}/volume-plugins`,
    maxPods: 200,
    logging: { verbosity: 1 },
  };
}

export function proxyConfig({ configs }: Places): object {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'iptables',
    clusterCIDR: podNetwork,
    clientConnection: { kubeconfig: `${configs}/kube-proxy.kubeconfig` },
    // Its settings belong to the whole machine, and a network namespace may not write them.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
    iptables: { localhostNodePorts: false },
  };
}

export interface ContainerdParts {
  readonly pluginFolder: string;
  readonly pauseImage: string;
  /** containerd's name of what stacks an image's layers. */
  readonly snapshotter: 'overlayfs' | 'native';
}

export function containerdConfig({ folder, containerdSocket }: Places, parts: ContainerdParts): TomlTable {
  return {
    version: 2,
    root: `${folder}/containerd`,
    // Sockets' paths have 108 bytes, and those of a task would be longer below the folder.
    state: '/run/containerd',
    disabled_plugins: [
      'io.containerd.snapshotter.v1.btrfs',
      'io.containerd.snapshotter.v1.zfs',
      'io.containerd.snapshotter.v1.devmapper',
      'io.containerd.snapshotter.v1.aufs',
    ],
    grpc: { address: containerdSocket },
    plugins: {
      'io.containerd.grpc.v1.cri': {
        sandbox_image: parts.pauseImage,
        // Negative scores are refused to a root that lacks CAP_SYS_RESOURCE, and no pod would start.
        restrict_oom_score_adj: true,
        cni: { bin_dir: parts.pluginFolder, conf_dir: `${folder}/cni` },
        containerd: { snapshotter: parts.snapshotter },
      },
    },
  };
}

/** A pair of devices for each pod, without a bridge between them: that would need br_netfilter, which kernels may lack. */
export function networkConfig(): object {
  return {
    cniVersion: '1.0.0',
    name: 'evengate',
    plugins: [
      {
        type: 'ptp',
        ipMasq: false,
        ipam: { type: 'host-local', ranges: [[{ subnet: podNetwork }]], routes: [{ dst: '0.0.0.0/0' }] },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
}
