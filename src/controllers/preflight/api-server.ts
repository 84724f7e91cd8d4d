/** Whether the API server answers, and is one that takes our CRDs. */
import type { Client } from '../../kube/client.ts';
import type { Finding } from './finding.ts';

/** Chart.yaml's kubeVersion says the same: CEL rules, of which our CRDs are full, are stable since then. */
export const oldestKubernetes = { major: 1, minor: 29 } as const;

export async function checkApiServer(client: Client, signal?: AbortSignal): Promise<readonly Finding[]> {
  const text = await client.text({ path: '/version', ...(signal && { signal }) });
  const { gitVersion = '' } = JSON.parse(text) as { readonly gitVersion?: string };
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(gitVersion) ?? [];
  if (major === undefined)
    return [{ check: 'api-server', level: 'unknown', said: `the version of Kubernetes cannot be read: ${gitVersion}` }];
  const oldest = oldestKubernetes;
  const old = Number(major) === oldest.major ? Number(minor) < oldest.minor : Number(major) < oldest.major;
  if (!old) return [{ check: 'api-server', level: 'ok', said: `the API server answers: Kubernetes ${gitVersion}` }];
  return [
    {
      check: 'api-server',
      level: 'problem',
      said: `Kubernetes ${gitVersion} is older than ${oldest.major}.${oldest.minor}`,
      remedy: `upgrade the cluster to Kubernetes ${oldest.major}.${oldest.minor} or newer`,
    },
  ];
}
