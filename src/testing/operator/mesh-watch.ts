/**
 * Watches what is written for Istio and for the edge, change by change, and judges each by what the users have asked for: read
 * from the objects alone, as sidecars and Envoys read them.
 */
import type { AuthorizationPolicy, SecurityObject } from '../../istio/security.ts';
import type { ConfigMap } from '../../kube/core.ts';
import type { KubeObject } from '../../kube/object.ts';
import type { Pod } from '../../kube/pod.ts';
import { resources } from '../../kube/resources.ts';
import { answerAtEdge, parseEdge } from '../../proof/edge.ts';
import { decideInMesh, type MeshRequest, type MeshVerdict } from '../../proof/istio.ts';
import { haveIdentity } from '../../reconcilers/pods.ts';
import { meshLabels, meshObjects } from '../../render/mesh.ts';
import { resolver } from '../../resolve/resolve.ts';
import { snapshotOf } from '../build.ts';
import { textsOf } from '../edge-pods.ts';
import { istioKinds, type MeshLife } from './mesh-life.ts';

const className = 'evengate';
const edge = 'cluster.local/ns/shop/sa/edge-edge';
const stranger = 'cluster.local/ns/shop/sa/nobody';
const callers = [edge, ...['batch', 'audit'].map((name) => `cluster.local/ns/shop/sa/${name}`), stranger];
const methods = ['GET', 'POST', 'PUT'];
const paths = ['/orders/1', '/v2/1', '/menu/1'];
const apps = ['orders', 'billing', 'other'];
const numbers = [8080, 9090];

const nowhere = { namespace: 'shop', services: [], headers: new Map(), directIp: '10.0.0.1', remoteIp: '192.0.2.1' };

type Sent = Required<Pick<MeshRequest, 'principal' | 'method' | 'path'>>;

function request(app: string, port: number, sent: Sent): MeshRequest {
  return { ...nowhere, labels: { app }, port, host: 'shop.example.com', ...sent };
}

function everyRequest(): readonly (readonly [string, MeshRequest])[] {
  const places = apps.flatMap((app) => numbers.map((port) => ({ app, port })));
  const sent = callers.flatMap((principal) =>
    methods.flatMap((method) => paths.map((path) => ({ principal, method, path }))),
  );
  return places.flatMap(({ app, port }) =>
    sent.map((one) => [nameOf(one, `${app}:${port}`), request(app, port, one)] as const),
  );
}

function nameOf({ principal, method, path }: Sent, at: string): string {
  return `${principal.split('/').at(-1)} ${method} ${path} at ${at}`;
}

const requests = new Map(everyRequest());

/** What the users ask for, at one moment: requests that they admit by a word of theirs, or that nothing keeps closed. */
export function askedIn(life: MeshLife): ReadonlySet<string> {
  const { api } = life.rig;
  const kinds = ['ApiGateway', 'Route', 'AuthPolicy', 'Service', 'Pod'] as const;
  const objects = kinds.flatMap((kind) => api.list<KubeObject>(resources[kind]).map((object) => ({ ...object, kind })));
  const { mesh } = resolver(className)(snapshotOf(objects));
  const rendered = [...mesh.workloads.values()].flatMap((workload) => meshObjects(workload, className));
  const written = JSON.parse(JSON.stringify(rendered)) as readonly SecurityObject[];
  const { spec } = api.get(resources.ApiGateway, 'shop', 'edge') ?? {};
  const { onLastPolicy, enforcement } = (spec as { readonly mesh: Readonly<Record<string, unknown>> }).mesh;
  const opens = onLastPolicy === 'Release' || enforcement === 'Shadow' || !life.isServed;
  const living = objects.flatMap(({ kind, metadata }) => (kind === 'Pod' ? [metadata.labels?.['app']] : []));
  const isNobodys = ({ labels }: MeshRequest) => !living.includes(labels['app']);
  const isMeant = (verdict: MeshVerdict) => verdict.admitted && (opens || isSaid(verdict, written));
  return new Set(
    [...requests].flatMap(([name, one]) => (isNobodys(one) || isMeant(verdictOf(written, one)) ? [name] : [])),
  );
}

function appOf(spec: unknown): string | undefined {
  return (spec as { readonly selector?: Readonly<Record<string, string>> }).selector?.['app'];
}

/** By a rule about callers, and not for want of one. */
function isSaid({ because, by }: MeshVerdict, objects: readonly SecurityObject[]): boolean {
  if (because !== 'allowed' || by === undefined) return false;
  const policy = objects.find(
    ({ kind, metadata }) => kind === 'AuthorizationPolicy' && metadata.name === by.policy.name,
  );
  return (policy as AuthorizationPolicy | undefined)?.spec?.rules?.[by.rule]?.from !== undefined;
}

function verdictOf(objects: readonly SecurityObject[], one: MeshRequest): MeshVerdict {
  return decideInMesh(
    objects.filter(({ kind }) => kind !== 'PeerAuthentication'),
    'sidecar',
    one,
  );
}

/** A Pod that was asked to end, and answers on connections from before. */
interface Drained {
  readonly sent: ReadonlySet<string>;
  /** What it serves was told no earlier. */
  readonly since: number;
}

interface Moment {
  readonly at: number;
  readonly admitted: ReadonlySet<string>;
}

const propagationMs = 300;
/** The edge is not kept waiting longer, whatever goes on in the mesh. */
const longestAheadMs = 2000;
/** For so long what is sent to a Service comes to Pods that it selects no more: cluster DNS remembers for 30 s. */
const underWayMs = 30_000;

/** What the edge is told was resolved so long before at most. */
const resolvedMs = 5000;
const unknownMs = 10_000;

/** Pods of a Service, for as long. */
interface Selected {
  readonly app: string;
  readonly since: number;
  readonly until: number;
}

export class MeshWatch {
  readonly faults: string[] = [];
  readonly #life: MeshLife;
  /** Since all was as it was to be. */
  #asked: ReadonlySet<string>[] = [];
  /** Of the mesh, the present one last. */
  readonly #moments: Moment[] = [];
  /** What the edge was told to send, and to which Services. */
  #sent: ReadonlySet<string> = new Set();
  readonly #selected = new Map<string, readonly Selected[]>();
  #toldAt = 0;
  /** When somebody changed an AuthPolicy last. */
  #guardedAt = Number.NEGATIVE_INFINITY;
  readonly #drained = new Map<string, Drained>();

  constructor(life: MeshLife) {
    this.#life = life;
    this.#moments.push({ at: 0, admitted: new Set(requests.keys()) });
    life.rig.api.onChange(({ type, before, after }) => {
      if ((istioKinds as readonly string[]).includes(type.kind)) this.#meshChanged();
      if (type.kind === 'Service' && after !== undefined) this.#selects(after as unknown as KubeObject);
      if (type.kind === 'ConfigMap' && after !== undefined) this.#edgeTold(after as unknown as ConfigMap);
      const isTold = before?.metadata.generation === after?.metadata.generation;
      if (type.kind === 'AuthPolicy' && !isTold) this.#guardedAt = life.rig.clock.monotonic();
      const pod = (after ?? before) as unknown as Pod;
      if (type.kind === 'Pod' && pod.metadata.deletionTimestamp !== undefined) this.#drains(pod, after !== undefined);
      // Those of which the last one has ended need not stay closed.
      if (type.kind === 'Pod' && after === undefined) this.asked();
    });
  }

  #selects({ metadata: { name }, spec }: KubeObject): void {
    const [app, now] = [appOf(spec), this.#life.rig.clock.monotonic()];
    const before = this.#selected.get(name) ?? [];
    if (app === undefined || before.at(-1)?.app === app) return;
    const over = before.map((one) => ({ ...one, until: Math.min(one.until, now + underWayMs) }));
    this.#selected.set(name, [...over, { app, since: now, until: Number.POSITIVE_INFINITY }]);
  }

  /** Of what is sent to Services: where it may come to a Pod. */
  #arriving(sent: Iterable<string>, isThere: (selected: Selected) => boolean): readonly string[] {
    return [...sent].flatMap((name) => {
      const [, start = '', service = '', port = ''] = /^(.* at )(.*):(.*)$/.exec(name) ?? [];
      return (this.#selected.get(service) ?? []).filter(isThere).map(({ app }) => `${start}${app}:${port}`);
    });
  }

  #drains(pod: Pod, isThere: boolean): void {
    const id = `${pod.metadata.name} ${pod.metadata.uid}`;
    if (!isThere) this.#drained.delete(id);
    const { rig, begunAt } = this.#life;
    const [files, now] = [rig.pods.envoys().get(id)?.history.at(-1), rig.clock.monotonic()];
    // An operator that has just begun does not know what its Envoys serve.
    if (!isThere || files === undefined || this.#drained.has(id) || now < begunAt + unknownMs) return;
    const texts = [...files].map(([name, content]) => ({ name, text: `{"version_info":"",${content}` }));
    const sent = sentBy(texts, haveIdentity([pod]) ? edge : stranger);
    this.#drained.set(id, { sent, since: this.#toldAt - resolvedMs });
  }

  /** The users asked for something. */
  asked(): void {
    this.#asked.push(askedIn(this.#life));
  }

  /** What they asked for before is over. */
  calm(): void {
    this.#asked = [askedIn(this.#life)];
    this.#guardedAt = Number.NEGATIVE_INFINITY;
  }

  #meshChanged(): void {
    const { api, clock } = this.#life.rig;
    const labels = Object.entries(meshLabels(className));
    const objects = this.#life.isServed ? istioKinds.flatMap((kind) => api.list<SecurityObject>(resources[kind])) : [];
    const own = objects.filter(({ metadata }) => labels.every(([name, value]) => metadata.labels?.[name] === value));
    const admitted = new Set([...requests].flatMap(([name, one]) => (verdictOf(own, one).admitted ? [name] : [])));
    const before = this.#moments.at(-1)?.admitted ?? new Set();
    const opened = [...admitted].filter((name) => !before.has(name) && !this.#asked.some((asked) => asked.has(name)));
    // With its CRDs goes all that is written; and which ports are kept closed is known by what is there alone.
    if (opened.length > 0 && this.#life.isServed && !this.#life.isDeceived)
      this.faults.push(`opened at ${clock.monotonic()}: ${opened.slice(0, 3).join('; ')}`);
    const now = clock.monotonic();
    const lostOf = (sent: ReadonlySet<string>) =>
      this.#arriving(sent, ({ until }) => now < until).filter((name) => before.has(name) && !admitted.has(name));
    const shut = lostOf(this.#sent);
    // An edge that is in no mesh is a stranger to it; one that refuses what it is told is, after a restart, soon given up.
    if (shut.length > 0 && this.#life.isMeshed && !this.#life.isRefused)
      this.faults.push(`shut while it is sent, at ${clock.monotonic()}: ${shut.slice(0, 3).join('; ')}`);
    // What somebody refuses by a word of his is refused at once, whoever sends it.
    const lost = [...this.#drained.values()].flatMap(({ sent, since }) =>
      this.#guardedAt >= since ? [] : lostOf(sent),
    );
    if (lost.length > 0 && this.#life.isMeshed && !this.#life.isRefused)
      this.faults.push(`shut while a drained Envoy sends it, at ${clock.monotonic()}: ${lost.slice(0, 3).join('; ')}`);
    this.#moments.push({ at: clock.monotonic(), admitted });
  }

  #edgeTold(told: ConfigMap): void {
    const files = Object.entries(textsOf(told)).map(([name, text]) => ({ name, text }));
    if (!files.some(({ name }) => name.startsWith('rds-'))) return;
    const now = this.#life.rig.clock.monotonic();
    const sent = sentBy(files, edge);
    this.#toldAt = now;
    const news = [...sent].filter((name) => !this.#sent.has(name));
    const since = this.#moments.findLastIndex(({ at }) => at <= now - propagationMs);
    // Whoever is selected anew gets requests before anybody can be told of it.
    const known = ({ since: at, until }: Selected) => at + longestAheadMs <= now && until === Number.POSITIVE_INFINITY;
    const late = this.#arriving(news, known).filter((name) =>
      this.#moments.slice(Math.max(0, since)).some(({ admitted }) => !admitted.has(name)),
    );
    if (late.length > 0 && this.#life.isMeshed && !this.#life.isStruck)
      this.faults.push(`sent before it is admitted, at ${now}: ${late.slice(0, 3).join('; ')}`);
    this.#sent = sent;
  }
}

const targets = new Map([
  ['80', 8080],
  ['81', 9090],
]);

type Files = readonly { readonly name: string; readonly text: string }[];

/** Names of requests as they arrive. */
function sentBy(files: Files, principal: string): ReadonlySet<string> {
  const parsed = parseEdge(files);
  const from = { port: 80, scheme: 'http', sni: '', authority: 'shop.example.com', headers: new Map() } as const;
  const ips = { directIp: '192.0.2.1', remoteIp: '192.0.2.1' };
  const answers = methods.flatMap((method) =>
    paths.map((path) => answerAtEdge(parsed, { ...from, ...ips, method, path })),
  );
  const arrive = answers.flatMap((answer) => (answer.kind === 'forwarded' ? answer.to : []));
  return new Set(
    arrive.map(({ cluster, method, path }) => {
      const [, app, port = ''] = cluster.split('/');
      return nameOf({ principal, method, path }, `${app}:${targets.get(port)}`);
    }),
  );
}
