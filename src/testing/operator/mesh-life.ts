/** What happens to a meshed shop in its life: what its people do, and what goes wrong meanwhile. */
import type { KubeObject } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import { authPolicy, backendRef, route, service, serviceTarget } from '../build.ts';
import type { ActiveFault, Fault } from '../kube-api/faults.ts';
import type { ApiRequest } from '../kube-api/request.ts';
import { billingPolicy, meshedShop, meshGateway, ordersPolicy, workloadPod } from './meshed-shop.ts';
import type { OperatorRig, RunningOperator } from './rig.ts';
import { createAll } from './shop.ts';

export const istioKinds = ['RequestAuthentication', 'AuthorizationPolicy', 'PeerAuthentication'] as const;

const ports = [
  { name: 'http', port: 80, targetPort: 8080 },
  { name: 'admin', port: 81, targetPort: 9090 },
];

export function lifeService(app: string, selected = app): KubeObject {
  return service({ selector: { app: selected }, ports }, { name: app });
}

function lifeRoute(prefix: string, backends: readonly object[], more: object = {}): KubeObject {
  const matches = [{ path: { type: 'PathPrefix', value: prefix } }];
  return route({ rules: [{ name: 'all', matches, backendRefs: backends, ...more }] });
}

function insidePolicy(name: string, ...serviceAccounts: readonly string[]): KubeObject {
  const allow = [{ name: 'jobs', from: [{ serviceAccounts }] }];
  return authPolicy({ authorize: { allow }, targetRefs: [serviceTarget(name)] }, { name: `inside-${name}` });
}

function istioObject(kind: string, name: string, spec: object): KubeObject {
  return { apiVersion: 'security.istio.io/v1', kind, metadata: { name, namespace: 'shop' }, spec } as KubeObject;
}

/** Somebody else's; names before and after ours. */
const foreign = {
  allow: istioObject('AuthorizationPolicy', 'theirs', { selector: { matchLabels: { app: 'orders' } }, rules: [{}] }),
  peer: istioObject('PeerAuthentication', 'a-theirs', {
    selector: { matchLabels: { app: 'orders' } },
    mtls: { mode: 'PERMISSIVE' },
  }),
};

/** A process needs that long to begin, and Istio no longer to push what the one before wrote. */
const beginMs = 300;

/** One shop, and the operator that works for it. */
export class MeshLife {
  readonly rig: OperatorRig;
  #mesh: { readonly mode?: 'None' | 'Sidecar' } = {};
  #rollouts = 0;
  #begunAt = 0;
  #faults: ActiveFault[] = [];
  #isServed = true;
  #diesIn = 0;
  #isAway = true;
  #isRefused = false;
  #isDeceived = false;

  constructor(rig: OperatorRig) {
    this.rig = rig;
  }

  open(): void {
    const rest = meshedShop().filter(({ kind }) => kind !== 'Service');
    createAll(this.rig.api, [...rest, ...['orders', 'billing'].map((app) => lifeService(app)), workloadPod('other')]);
    this.start();
  }

  start(): void {
    this.#isAway = false;
    this.#begunAt = this.rig.clock.monotonic();
    this.rig.start({ onWrite: (operator) => this.#written(operator) });
  }

  async kill(): Promise<void> {
    this.#isAway = true;
    await this.rig.kill();
  }

  /** The next operator begins after the write after so many. */
  dieIn(writes: number): void {
    this.#diesIn = writes;
  }

  put(object: KubeObject): void {
    this.rig.api.put(object);
  }

  remove(kind: 'Route' | 'AuthPolicy' | 'Service', name: string): void {
    const found = this.rig.api.get(resources[kind], 'shop', name);
    if (found !== undefined) this.rig.api.delete(found);
  }

  /** The Service has its Pods, or others and its own end: there is always one behind a Service. */
  own(isTheirs: boolean): void {
    const there = this.rig.api.get(resources.Pod, 'shop', 'orders-0');
    if (isTheirs && there === undefined) this.put(workloadPod('orders'));
    this.put(lifeService('orders', isTheirs ? 'orders' : 'other'));
    if (!isTheirs && there !== undefined) this.rig.api.delete(there);
  }

  mesh(more: object): void {
    this.#mesh = { ...this.#mesh, ...more };
    this.#putGateway();
  }

  /** New Pods for the old ones, which are drained. */
  rollOut(): void {
    this.#rollouts += 1;
    this.#putGateway();
  }

  #putGateway(): void {
    const annotations = { 'example.com/rollout': `${this.#rollouts}` };
    this.put(meshGateway(this.#mesh, this.#rollouts === 0 ? {} : { workload: { template: { annotations } } }));
  }

  /** When the present operator began. */
  get begunAt(): number {
    return this.#begunAt;
  }

  get isMeshed(): boolean {
    return this.#mesh.mode !== 'None';
  }

  /** Something was refused, and nothing else told since. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** The server has told of nothing that is there. */
  get isDeceived(): boolean {
    return this.#isDeceived;
  }

  get isServed(): boolean {
    return this.#isServed;
  }

  istio(isThere: boolean): void {
    if (isThere === this.#isServed) return;
    this.#isServed = isThere;
    for (const kind of istioKinds) this.rig.api[isThere ? 'serve' : 'unserve'](resources[kind]);
  }

  toggle(object: KubeObject): void {
    if (!this.#isServed) return;
    const type = resources[object.kind as (typeof istioKinds)[number]];
    const found = this.rig.api.get(type, 'shop', object.metadata.name);
    if (found === undefined) this.rig.api.create(object);
    else this.rig.api.delete(found);
  }

  refused(are: boolean): void {
    this.#isRefused ||= are;
    this.rig.pods.refuses = (file) => (are && file.startsWith('rds') ? 'no' : undefined);
  }

  strike(match: (request: ApiRequest) => boolean, fault: Fault, times: number): void {
    this.#isDeceived ||= fault.kind === 'empty-list';
    this.#faults.push(this.rig.api.faults.add({ match, fault, times }));
  }

  /** A fault may still strike what is asked. */
  get isStruck(): boolean {
    return this.#faults.length > 0;
  }

  /** Nothing goes wrong any more, and all that waits is done. */
  async calm(): Promise<void> {
    // A list that lied is believed until the next one.
    const wasStruck = this.isStruck;
    for (const fault of this.#faults.splice(0)) fault.release();
    if (wasStruck) relist(this);
    this.#diesIn = 0;
    this.istio(true);
    if (this.#isAway) this.start();
    await this.rig.quiet(70_000);
    this.#isDeceived = false;
    if (!this.#isRefused) return;
    // What Envoys have refused they are not told again.
    this.refused(false);
    this.put(lifeRoute('/anew', [backendRef()]));
    await this.rig.quiet(70_000);
    this.#isRefused = false;
  }

  #written(operator: RunningOperator): void {
    if (this.#diesIn === 0 || --this.#diesIn > 0) return;
    this.#isAway = true;
    void operator.kill().then(async () => {
      await this.rig.clock.sleep(beginMs);
      if (this.#isAway) this.start();
    });
  }
}

const writing = ['create', 'update', 'patch', 'delete'];
const ofIstio = ({ resource }: ApiRequest) => istioKinds.some((kind) => resources[kind].plural === resource);
const writes = ({ verb }: ApiRequest) => writing.includes(verb);
const anyOf = (name: string) => (request: ApiRequest) =>
  writes(request) && (name === 'istio' ? ofIstio(request) : request.resource === name);

function relist({ rig: { api } }: MeshLife): void {
  for (const watch of api.watches()) watch.error(410);
  for (const watch of api.watches()) watch.close();
}

async function restart(life: MeshLife): Promise<void> {
  await life.kill();
  await life.rig.clock.sleep(beginMs);
  life.start();
}

type Happening = (life: MeshLife) => void | Promise<void>;

/** By the name that a failure tells. */
export const happenings: Readonly<Record<string, Happening>> = {
  'orders: GET': (life) => life.put(ordersPolicy('GET')),
  'orders: GET, POST': (life) => life.put(ordersPolicy('GET', 'POST')),
  'orders: PUT': (life) => life.put(ordersPolicy('PUT')),
  'orders: nobody says': (life) => life.remove('AuthPolicy', 'orders'),
  'billing: batch': (life) => life.put(billingPolicy('shop/batch')),
  'billing: batch, audit': (life) => life.put(billingPolicy('shop/batch', 'shop/audit')),
  'billing: nobody says': (life) => life.remove('AuthPolicy', 'billing'),
  'orders inside: audit': (life) => life.put(insidePolicy('orders', 'shop/audit')),
  'orders inside: nobody says': (life) => life.remove('AuthPolicy', 'inside-orders'),
  'route: gone': (life) => life.remove('Route', 'orders'),
  'route: /orders': (life) => life.put(lifeRoute('/orders', [backendRef()])),
  'route: /orders to admin': (life) => life.put(lifeRoute('/orders', [backendRef({ port: 81 })])),
  'route: /orders to billing': (life) => life.put(lifeRoute('/orders', [backendRef({ name: 'billing' })])),
  'route: /orders as /v2': (life) =>
    life.put(lifeRoute('/orders', [backendRef()], { rewrite: { path: { type: 'ReplacePrefixMatch', value: '/v2' } } })),
  'route: /menu to both': (life) => life.put(lifeRoute('/menu', [backendRef(), backendRef({ name: 'billing' })])),
  'service: other Pods': (life) => life.put(lifeService('orders', 'other')),
  'service: its Pods': (life) => life.own(true),
  'another service: other Pods': (life) => life.put(lifeService('another', 'other')),
  'another service: gone': (life) => life.remove('Service', 'another'),
  'service: other Pods, and its own end': (life) => life.own(false),
  'mesh: None': (life) => life.mesh({ mode: 'None' }),
  'mesh: Sidecar': (life) => life.mesh({ mode: 'Sidecar' }),
  'mesh: Shadow': (life) => life.mesh({ enforcement: 'Shadow' }),
  'mesh: Enforce': (life) => life.mesh({ enforcement: 'Enforce' }),
  'mesh: Keep': (life) => life.mesh({ onLastPolicy: 'Keep' }),
  'mesh: Release': (life) => life.mesh({ onLastPolicy: 'Release' }),
  'edge: rolled out': (life) => life.rollOut(),
  'pods: without a proxy': (life) => life.put(workloadPod('orders', 'none')),
  'pods: with a proxy': (life) => life.put(workloadPod('orders')),
  'theirs: ALLOW': (life) => life.toggle(foreign.allow),
  'theirs: PeerAuthentication': (life) => life.toggle(foreign.peer),
  'istio: gone': (life) => life.istio(false),
  'istio: there': (life) => life.istio(true),
  'server: 500 for Istio': (life) => life.strike(anyOf('istio'), { kind: 'refuse', code: 500 }, 3),
  'server: 500 for ConfigMaps': (life) => life.strike(anyOf('configmaps'), { kind: 'refuse', code: 500 }, 2),
  'server: 500 for all': (life) => life.strike(() => true, { kind: 'refuse', code: 500 }, 6),
  'server: 409 for statuses': (life) =>
    life.strike(({ subresource }) => subresource === 'status', { kind: 'refuse', code: 409 }, 2),
  'server: loses answers': (life) => life.strike(writes, { kind: 'lose-answer' }, 2),
  'server: forgets': relist,
  'server: shows nothing of Istio': async (life) => {
    life.strike((request) => ofIstio(request) && request.verb === 'list', { kind: 'empty-list' }, 3);
    await restart(life);
  },
  'operator: killed': restart,
  'operator: killed after a write': (life) => life.dieIn(1),
  'operator: killed after three writes': (life) => life.dieIn(3),
  'operator: away': (life) => life.kill(),
  'envoys: refuse': (life) => life.refused(true),
  'envoys: take': (life) => life.refused(false),
};
