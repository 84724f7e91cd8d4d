/** ConfigMap delivery on a real cluster: from the API server's answer to a write until an Envoy pod serves it. */
import { Agent, request } from 'node:http';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { whyNoCluster } from '../e2e/cluster/index.ts';
import { startOperator } from '../e2e/operator/lib/operator.ts';
import { openWorld, type World } from '../e2e/operator/lib/world.ts';
import type { KubeObject } from '../src/kube/object.ts';
import type { Pod } from '../src/kube/pod.ts';
import { resources } from '../src/kube/resources.ts';
import { type Figure, quantile } from './figures.ts';

const sizes = [0, 1000, 3000] as const;
const tries = 20;
/** The kubelet looks at a pod again only after its next survey of the runtime, a second later; these changes come alone. */
const apartMs = 2500;
const className = 'bench';

export async function delivery(): Promise<readonly Figure[]> {
  const missing = await whyNoCluster();
  if (missing !== undefined) throw new Error(missing);
  const world = await openWorld('bench');
  try {
    const operator = await startOperator(world, { class: className, where: 'pod' });
    await world.apply(...fleet);
    await world.ready('ApiGateway', 'edge');
    const bench = new Bench(world, operator.namespace);
    const figures: Figure[] = [];
    for (const size of sizes) figures.push(...(await bench.at(size)));
    return figures;
  } finally {
    await world.end();
  }
}

function object(kind: string, name: string, spec: object, apiVersion = 'evengate.dev/v1alpha1'): KubeObject {
  return { apiVersion, kind, metadata: { name }, spec };
}

const fleet: readonly KubeObject[] = [
  object('ApiGateway', 'edge', {
    className,
    listeners: [{ name: 'web', port: 80, protocol: 'HTTP' }],
    service: { type: 'ClusterIP' },
    workload: { replicas: 1 },
  }),
  object('AuthPolicy', 'anyone', {
    targetRefs: [{ kind: 'ApiGateway', name: 'edge' }],
    sufficient: true,
    authorize: { allow: [{ name: 'anyone' }] },
  }),
];

/** One host a Route, as in the benchmarks of others. */
function route(name: string, rule: object): KubeObject {
  return object('Route', name, { parentRefs: [{ name: 'edge' }], hostnames: [hostOf(name)], rules: [rule] });
}

const hostOf = (name: string) => `${name}.bench.example.com`;
const answering = { respond: { status: 200 } };

class Bench {
  readonly #world: World;
  readonly #operator: string;
  readonly #agent = new Agent({ keepAlive: true });
  #routes = 0;
  #address = '';
  /** Of the requests while a change was on its way. */
  readonly #unexpected = new Map<number, number>();

  constructor(world: World, operatorNamespace: string) {
    this.#world = world;
    this.#operator = operatorNamespace;
  }

  async at(size: number): Promise<readonly Figure[]> {
    const service = await this.#world.get<KubeObject>('Service', 'edge-edge');
    this.#address = (service?.spec as { readonly clusterIP?: string } | undefined)?.clusterIP ?? '';
    const burst = await this.#grow(size);
    const before = await this.#usage();
    const times = await this.#changes(size);
    const after = await this.#usage();
    const unexpected = [...this.#unexpected].map(([code, count]) => `${code} × ${count}`).join(', ');
    const p = (share: number) => Math.round(quantile(times, share));
    return [
      ...burst,
      {
        name: `write to served at ${size} Routes, p50`,
        value: p(0.5),
        unit: 'ms',
        target: { kind: 'most', value: 250 },
        note: `p90 ${p(0.9)}, all answers ${unexpected === '' ? '404 or 200' : `not 404 or 200: ${unexpected}`}`,
      },
      {
        name: `write to served at ${size} Routes, p99`,
        value: p(0.99),
        unit: 'ms',
        target: { kind: 'most', value: 1000 },
      },
      {
        name: `CPU of the operator a change at ${size} Routes`,
        value: ((after.cpu - before.cpu) * 1000) / (2 * tries),
        unit: 'ms',
        target: { kind: 'most', value: 5 },
      },
      { name: `memory of the operator at ${size} Routes`, value: after.rss / 2 ** 20, unit: 'MB' },
    ];
  }

  /** At the API server's speed. */
  async #grow(size: number): Promise<readonly Figure[]> {
    const from = this.#routes;
    const atATime = 16;
    const begin = performance.now();
    for (let next = from; next < size; next += atATime) {
      const batch = Array.from({ length: Math.min(atATime, size - next) }, (_, index) => `r${next + index}`);
      await Promise.all(batch.map((name) => this.#world.apply(route(name, answering))));
      process.stderr.write(`\r${next + batch.length} of ${size} Routes`);
    }
    if (size === from) return [];
    this.#routes = size;
    const written = performance.now();
    await this.#served(`r${size - 1}`);
    const late = performance.now() - written;
    process.stderr.write(`, served\n`);
    await sleep(5000);
    const note = `${size - from} writes in ${Math.round(written - begin)} ms`;
    return [
      {
        name: `last of ${size - from} Routes served after its write`,
        value: Math.round(late),
        unit: 'ms',
        target: { kind: 'most', value: 3000 },
        note,
      },
    ];
  }

  async #changes(size: number): Promise<readonly number[]> {
    const times: number[] = [];
    for (let turn = 0; turn < tries; turn += 1) {
      const name = `new-${size}-${turn}`;
      await this.#world.apply(route(name, answering));
      const written = performance.now();
      await this.#served(name);
      times.push(performance.now() - written);
      await sleep(apartMs);
      await this.#world.remove('Route', name);
      await sleep(apartMs);
    }
    return times;
  }

  async #served(name: string): Promise<void> {
    for (;;) {
      const status = await this.#ask(hostOf(name));
      if (status === 200) return;
      if (status !== 404) this.#unexpected.set(status, (this.#unexpected.get(status) ?? 0) + 1);
      await sleep(2);
    }
  }

  #ask(host: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const call = request({ host: this.#address, port: 80, headers: { host }, agent: this.#agent }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode ?? 0));
      });
      call.on('error', reject).end();
    });
  }

  /** Of the operator's process: seconds of CPU, bytes of memory. */
  async #usage(): Promise<{ readonly cpu: number; readonly rss: number }> {
    const [pod] = await this.#world.client.list<Pod>(resources.Pod, { namespace: this.#operator });
    const answer = await fetch(`http://${pod?.status?.podIP}:8081/metrics`);
    const text = await answer.text();
    const value = (name: string) => Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
    return { cpu: value('process_cpu_seconds_total'), rss: value('process_resident_memory_bytes') };
  }
}
