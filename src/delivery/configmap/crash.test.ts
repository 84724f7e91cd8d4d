/** The operator dies after every write, with its answer or without: the next one ends where an undisturbed one does. */
import { expect, test } from '@jest/globals';
import type { ConfigMap } from '../../kube/core.ts';
import type { KubeObject } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import type { Edge } from '../../render/edge.ts';
import { kubeClient } from '../../runtime/client.ts';
import { connectTo } from '../../runtime/connection.ts';
import { authPolicy, backendRef, gateway, jwt, rateLimitPolicy, route, service } from '../../testing/build.ts';
import { compile } from '../../testing/compile.ts';
import { EdgePods } from '../../testing/edge-pods.ts';
import type { Fault } from '../../testing/kube-api/faults.ts';
import { type KubeApi, startKubeApi } from '../../testing/kube-api/index.ts';
import { missingNames } from '../../testing/missing-names.ts';
import { SkippingClock } from '../../testing/skipping-clock.ts';
import { configMapDelivery, type Published } from '../configmap.ts';
import { copyOf } from './store.ts';

const names = ['edge-config-0', 'edge-config-1'];
const never = new AbortController().signal;

function edgeOf(...objects: readonly KubeObject[]): Edge {
  const edge = compile(objects).edges.get('shop/edge');
  if (edge === undefined) throw new Error('no edge');
  return edge;
}

const to = (name: string, ...more: readonly KubeObject[]) =>
  edgeOf(
    gateway(),
    route({ rules: [{ name: 'all', backendRefs: [backendRef({ name })] }] }),
    service({}, { name }),
    ...more,
  );
const listener = (port: number) => ({ listeners: [{ name: 'web', port, protocol: 'HTTP' }] });
const issuer = (name: string) =>
  authPolicy({ authenticate: { jwt: [jwt({ issuer: `https://${name}.example.com` })] } });
const bad = to('bad', authPolicy());

/** From what to what, over what. */
const worlds: readonly (readonly [string, readonly Edge[]])[] = [
  ['a first configuration', [to('orders', authPolicy())]],
  ['another cluster', [to('orders', authPolicy()), to('canary', authPolicy())]],
  ['another issuer and limits', [to('orders', issuer('old')), to('orders', issuer('new'), rateLimitPolicy())]],
  [
    'a listener that moves',
    [to('orders', authPolicy()), edgeOf(gateway(listener(8080)), route(), authPolicy(), service())],
  ],
  ['a refused one', [to('orders', authPolicy()), bad]],
  ['a refused one, mended', [to('orders', authPolicy()), bad, to('canary', authPolicy())]],
];

/** Whether the process dies at a write, and how. */
interface Death {
  /** Of ConfigMaps and Pods, from 1. */
  readonly write: number;
  readonly by: Fault;
}

interface End {
  readonly files: Readonly<Record<string, string>>;
  readonly copy: Readonly<Record<string, string>>;
  readonly published: Omit<Published, 'findings'>;
}

async function run(edges: readonly Edge[], death?: Death): Promise<{ readonly end: End; readonly writes: number }> {
  const api = await startKubeApi();
  const connection = connectTo({ server: api.url });
  const pods = new EdgePods({ api, namespace: 'shop', configMaps: names });
  const refuses = (_: string, text: string) => (text.includes('shop/bad/80') ? 'shop/bad/80 is bad' : undefined);
  const clock = new SkippingClock({ longMs: 500 });
  const start = () => {
    clock.freeze(1000);
    return configMapDelivery({
      gateway: { kind: 'ApiGateway', namespace: 'shop', name: 'edge' },
      configMaps: names,
      metadata: {},
      client: kubeClient(connection, { fieldManager: 'evengate', clock }),
      fleet: pods.fleet,
      access: pods.access,
      clock,
      log: () => undefined,
    });
  };
  try {
    pods.add('a');
    pods.add('b', { refuses });
    let operator = start();
    const struck = death === undefined ? undefined : strike(api, death);
    let restarts = 0;
    let published: Published | undefined;
    const died = () => struck?.isDead() === true && restarts === 0;
    for (const edge of edges) {
      published = await operator.publish(edge, never).catch(() => undefined);
      await operator.idle();
      // Whether it noticed or not: it is gone.
      while (published === undefined || died()) {
        expect(died()).toBe(true);
        restarts += 1;
        struck?.release();
        operator = start();
        published = await operator.publish(edge, never);
        await operator.idle();
      }
    }
    const met = ['a', 'b'].flatMap((name) => pods.envoy(name).history);
    expect(met.flatMap(missingNames)).toEqual([]);
    const before = api.writes.length;
    const last = edges.at(-1) ?? { files: [] };
    const { findings, ...rest } = await start().publish(last, never);
    // A fresh operator finds nothing left to do.
    expect(api.writes.length).toBe(before);
    expect(findings.length > 0).toBe(rest.kind === 'refused');
    const end: End = {
      files: textsOf(names.map((name) => api.get<ConfigMap>(resources.ConfigMap, 'shop', name))),
      copy: textsOf(names.map((name) => api.get<ConfigMap>(resources.ConfigMap, 'shop', copyOf(name)))),
      published: rest,
    };
    return { end, writes: before };
  } finally {
    await connection.close();
    await api.stop();
  }
}

/** From that write on nothing gets through, until `release`. */
function strike(api: KubeApi, { write, by }: Death) {
  let count = 0;
  const isItsWrite = ({ verb }: { readonly verb: string }) => {
    if (verb === 'patch') count += 1;
    return verb === 'patch' && count === write;
  };
  const faults = [
    api.faults.add({ match: isItsWrite, fault: by }),
    api.faults.add({ match: () => count >= write, fault: { kind: 'reset' } }),
  ];
  return {
    isDead: () => count >= write,
    release: () => {
      for (const fault of faults) fault.release();
    },
  };
}

/** Without the numbers of the publications. */
function textsOf(configMaps: readonly (ConfigMap | undefined)[]): Readonly<Record<string, string>> {
  const all = configMaps.flatMap((one) => Object.entries(one?.data ?? {}));
  return Object.fromEntries(all.map(([name, text]) => [name, text.replace(/("version_info":"[^".]*)\.\d+/, '$1')]));
}

test.each(worlds)(
  '%s',
  async (_, edges) => {
    const { end: reference, writes } = await run(edges);
    expect(writes).toBeGreaterThan(0);
    // A write that fails leaves what the one before it left when its answer was lost.
    const deaths: readonly Death[] = [
      { write: 1, by: { kind: 'reset' } },
      ...Array.from({ length: writes }, (_, index): Death => ({ write: index + 1, by: { kind: 'lose-answer' } })),
    ];
    for (const death of deaths) {
      const { end } = await run(edges, death);
      expect({ death, end }).toEqual({ death, end: reference });
    }
  },
  60_000,
);
