/** Two ways to an Envoy in a pod. */
import { Agent, request } from 'node:http';
import type { Client } from '../../kube/client.ts';
import { envoyContainer, ports } from '../../render/envoy-process.ts';
import { readStats, type StatType, statsQuery } from '../envoy/admin.ts';
import type { EdgePod, PodAccess } from './contract.ts';

const limitMs = 2000;
const logLimitMs = 5000;
/** The last of them: a refusal of a large file quotes all of it. */
const logLines = 200;
const logBytes = 4_000_000;

/** From pod to pod. `close` ends its kept connections. */
export function directAccess(client: Client): PodAccess & { close(): void } {
  // Envoy ends idle connections after an hour; ours end first.
  const agent = new Agent({ keepAlive: true, maxSockets: 2, timeout: 60_000 });
  return {
    stats: async (pod, filter, type) =>
      readStats(await get(agent, { pod, path: `/stats?${statsQuery(filter, type)}`, attempts: 2 })),
    log: (pod, sinceSeconds) => readLog(client, pod, sinceSeconds),
    close: () => agent.destroy(),
  };
}

/** Through the API server, for an operator outside of the cluster: needs `pods/proxy`. */
export function proxiedAccess(client: Client): PodAccess {
  return {
    stats: async (pod, filter, type) => readStats(await client.text(proxied(pod, filter, type))),
    log: (pod, sinceSeconds) => readLog(client, pod, sinceSeconds),
  };
}

function proxied({ namespace, name }: EdgePod, filter: string, type: StatType) {
  const path = `/api/v1/namespaces/${namespace}/pods/${name}:${ports.operations}/proxy/stats?${statsQuery(filter, type)}`;
  return { path, timeoutMs: limitMs };
}

async function readLog(client: Client, { namespace, name }: EdgePod, sinceSeconds: number): Promise<readonly string[]> {
  const query = new URLSearchParams({
    container: envoyContainer,
    sinceSeconds: String(sinceSeconds),
    tailLines: String(logLines),
    limitBytes: String(logBytes),
  });
  const path = `/api/v1/namespaces/${namespace}/pods/${name}/log?${query.toString()}`;
  const text = await client.text({ path, timeoutMs: logLimitMs });
  return text.split('\n').filter((line) => line !== '');
}

interface Call {
  readonly pod: EdgePod;
  readonly path: string;
  readonly attempts: number;
}

/** A kept connection may have ended unseen: then once more on a new one. */
async function get(agent: Agent, call: Call): Promise<string> {
  try {
    return await getOnce(agent, call);
  } catch (error) {
    if (!isReset(error) || call.attempts < 2) throw error;
    return get(agent, { ...call, attempts: call.attempts - 1 });
  }
}

function isReset(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ECONNRESET';
}

function getOnce(agent: Agent, { pod, path }: Call): Promise<string> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(limitMs);
    const silent = () => new Error(`Envoy in Pod ${pod.namespace}/${pod.name} did not answer within ${limitMs} ms`);
    const call = request({ host: pod.ip, port: ports.operations, path, agent, signal }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', (error) => reject(signal.aborted ? silent() : error));
      response.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        if (response.statusCode === 200) return resolve(body);
        reject(new Error(`Envoy in Pod ${pod.namespace}/${pod.name} answered ${response.statusCode} to ${path}`));
      });
    });
    call.on('error', (error) => reject(signal.aborted ? silent() : error));
    call.end();
  });
}
