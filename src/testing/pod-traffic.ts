/** Requests to the Envoy of a pod, and what they were answered. */
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EdgePod } from '../delivery/configmap.ts';
import { containerPort } from '../render/envoy-process.ts';

/** `/orders 200`, or what went wrong instead of the code. */
export function askPod(pod: EdgePod, path: string, { host, port = 80 }: Asked = {}): Promise<string> {
  return new Promise((resolve) => {
    const headers = host === undefined ? {} : { host };
    const options = { host: pod.ip, port: containerPort(port), path, agent: false, timeout: 5000, headers };
    get(options, (response) => {
      response.resume();
      response.on('end', () => resolve(`${path} ${response.statusCode}`));
    }).on('error', (error) => resolve(`${path} ${error.message}`));
  });
}

interface Asked {
  readonly host?: string;
  readonly port?: number;
}

/** One request after the other, over the paths in turn, until `stop`. */
export function podTraffic(paths: readonly string[], ask: (path: string) => Promise<string>) {
  const answers = new Map<string, number>();
  let going = true;
  const done = (async () => {
    for (let turn = 0; going; turn += 1) {
      const answer = await ask(paths[turn % paths.length] ?? '/');
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
      // The Envoys and their operator share this machine with it.
      await sleep(2);
    }
  })();
  return {
    async stop(): Promise<ReadonlyMap<string, number>> {
      going = false;
      await done;
      return answers;
    },
  };
}
