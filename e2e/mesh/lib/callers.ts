/** Pods that ask on behalf of a test, each as somebody else. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Service } from '../../../src/kube/core.ts';
import type { KubeObject } from '../../../src/kube/object.ts';
import { evengateImage } from '../../cluster/images/images.ts';
import { until } from '../../operator/lib/until.ts';
import type { World } from '../../operator/lib/world.ts';
import type { PodAnswer, PodAsk, Run } from './in-pod.ts';

export type { PodAnswer, PodAsk, Run } from './in-pod.ts';

/**
 * `Sidecar`: injected, so that its sidecar speaks for it. `Certificate`: Istio's agent writes it the certificate of its service account,
 * for `mutualTls`. `Outside`: no part of the mesh.
 */
export type Standing = 'Sidecar' | 'Certificate' | 'Outside';

export interface CallerOptions {
  readonly standing: Standing;
  /** One that is there; one of its own name is made when absent. */
  readonly serviceAccount?: string;
  /** The world's when absent. */
  readonly namespace?: string;
}

export interface Caller {
  ask(what: PodAsk): Promise<PodAnswer>;
  /** `200`, or the code of an error. */
  status(what: PodAsk): Promise<string>;
  /** Goes on asking these in turn, until the function is called that it resolves to. */
  watch<Name extends string>(asks: Readonly<Record<Name, PodAsk>>): Promise<() => Promise<Watched<Name>>>;
}

/** What came back, of each. */
export type Watched<Name extends string> = Readonly<Record<Name, readonly Run[]>>;

const port = 9000;

/** Resolves when the pod answers. */
export async function openCaller(world: World, name: string, options: CallerOptions): Promise<Caller> {
  const { standing, serviceAccount, namespace = world.namespace } = options;
  const metadata = { name, namespace };
  const service = { type: 'NodePort', selector: { caller: name }, ports: [{ name: 'http-tests', port }] };
  if (serviceAccount === undefined) await world.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata });
  await world.apply(
    { apiVersion: 'v1', kind: 'Service', metadata, spec: service },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata, ...marks(name, standing) },
      spec: podSpec(serviceAccount ?? name),
    },
  );
  const caller = new PodCaller(await addressOf(world, name, namespace));
  const seen = () => world.kubectl('-n', namespace, 'describe', 'pod', name);
  await until(`caller ${name}`, () => caller.isUp(), { seen });
  return caller;
}

class PodCaller implements Caller {
  readonly #base: string;

  constructor(base: string) {
    this.#base = base;
  }

  async isUp(): Promise<boolean> {
    return this.#send('/').then(
      () => true,
      () => false, // not yet
    );
  }

  async ask(what: PodAsk): Promise<PodAnswer> {
    return (await this.#send('/ask', what)) as PodAnswer;
  }

  async status(what: PodAsk): Promise<string> {
    const { status, failed } = await this.ask(what);
    return String(status ?? failed);
  }

  async watch<Name extends string>(asks: Readonly<Record<Name, PodAsk>>): Promise<() => Promise<Watched<Name>>> {
    await this.#send('/watch', asks);
    return async () => (await this.#send('/stop')) as Watched<Name>;
  }

  async #send(path: string, body: object = {}): Promise<unknown> {
    const request = { method: 'POST', body: JSON.stringify(body), signal: AbortSignal.timeout(10_000) };
    return (await fetch(`${this.#base}${path}`, request)).json();
  }
}

async function addressOf(world: World, name: string, namespace: string): Promise<string> {
  const { clusterIP = '', ports = [] } = (await world.get<Service>('Service', name, namespace))?.spec ?? {};
  if (world.cluster.podNetworkReachable) return `http://${clusterIP}:${port}`;
  return `http://${world.cluster.nodeAddress}:${ports[0]?.nodePort}`;
}

/** Tests reach each past its sidecar. */
function marks(name: string, standing: Standing): Pick<KubeObject['metadata'], 'labels' | 'annotations'> {
  const inject = { 'sidecar.istio.io/inject': String(standing !== 'Outside') };
  const agent = standing === 'Certificate' ? { 'inject.istio.io/templates': 'grpc-agent' } : {};
  return {
    labels: { caller: name, ...inject },
    annotations: { ...agent, 'traffic.sidecar.istio.io/excludeInboundPorts': String(port) },
  };
}

function podSpec(serviceAccountName: string): object {
  const program = readFileSync(join(import.meta.dirname, 'in-pod.ts'), 'utf8');
  const command = ['/usr/local/bin/node', '--input-type=module-typescript', '--eval', program];
  const readinessProbe = { httpGet: { path: '/', port }, periodSeconds: 1 };
  return {
    serviceAccountName,
    terminationGracePeriodSeconds: 1,
    containers: [{ name: 'caller', image: evengateImage, command, ports: [{ containerPort: port }], readinessProbe }],
  };
}

/** Ten in a row: the threads of a proxy take a change one after another. */
export async function settled(ask: () => Promise<string>, answer: string): Promise<boolean> {
  for (let count = 0; count < 10; count += 1) {
    if ((await ask()) !== answer) return false;
  }
  return true;
}

/** What came back, each once and sorted. */
export function answersOf(watched: Watched<string>): Readonly<Record<string, readonly string[]>> {
  const sets = Object.entries(watched).map(
    ([name, runs]) => [name, new Set(runs.map(({ answer }) => answer))] as const,
  );
  return Object.fromEntries(sets.map(([name, answers]) => [name, [...answers].toSorted()]));
}
