/** Each gateway's Envoys, told what the world has become for them; and what is known of them since. */
import type { ConfigMapDelivery, Published } from '../../delivery/configmap.ts';
import type { Gateway } from '../../ir/gateway.ts';
import { type KubeObject, type ObjectKey, refOf } from '../../kube/object.ts';
import { certificateReport } from '../../reconcilers/certificates.ts';
import { haveIdentity, isLiving, isReady, mountedCertificates, podTroubles } from '../../reconcilers/pods.ts';
import { type Edge, type EdgeRenderer, edgeRenderer } from '../../render/edge.ts';
import { inCluster } from '../../render/in-cluster.ts';
import {
  type ChainCertificates,
  certificatesIn,
  certificatesOf,
  withIdentity,
  withLoaded,
  withMounted,
} from '../../render/mounted.ts';
import { ldsFile, rdsFile, secretName } from '../../render/names.ts';
import type { Resolution } from '../../resolve/resolve.ts';
import type { Clock } from '../../runtime/clock.ts';
import { noTracer, type Tracer } from '../../runtime/tracing.ts';
import type { Delivery } from '../../status/conditions.ts';
import type { Finding } from '../../status/finding.ts';
import type { TellingState } from './measures.ts';
import type { OperatorMeasures } from './metrics.ts';
import type { Pods } from './pods.ts';
import { Serving } from './serving.ts';
import { deliveryOf, troubleFinding, waitsFor } from './telling.ts';
import type { View } from './world.ts';

export interface EdgesOptions {
  readonly view: () => View | undefined;
  readonly clock: Pick<Clock, 'now'>;
  readonly pods: Pods;
  /** The ApiGateway as it is stored; undefined where there is none. */
  readonly stored: (key: ObjectKey) => KubeObject | undefined;
  readonly open: (gateway: KubeObject) => ConfigMapDelivery;
  /** Milliseconds for which the mesh is not ready for what its Envoys would send. */
  readonly meshLeftMs: (key: ObjectKey, gateway: Gateway) => number;
  /** Something that statuses tell of changed. */
  readonly onTold: (key: ObjectKey) => void;
  readonly measure: Pick<OperatorMeasures, 'published' | 'rejected' | 'gone'>;
  readonly tracer?: Tracer | undefined;
}

/** One gateway. */
interface Told {
  readonly uid: string;
  readonly delivery: ConfigMapDelivery;
  /** Made when it is known what is in place. */
  render: EdgeRenderer | undefined;
  /** What is in place. */
  gateway: Gateway | undefined;
  readonly serving: Serving;
  /** In place, as far as is known. */
  certificates: ChainCertificates;
  /** Names of certificates among them that every Ready Envoy has loaded. */
  loaded: ReadonlySet<string>;
  report: Delivery | undefined;
  /** What they are to have. */
  edge: Edge | undefined;
  findings: readonly Finding[];
}

interface Telling {
  readonly told: Told;
  readonly gateway: Gateway;
  readonly resolution: Resolution;
}

interface Again {
  readonly requeueAfterMs?: number;
}

export class Edges {
  readonly #options: EdgesOptions;
  readonly #told = new Map<ObjectKey, Told>();

  constructor(options: EdgesOptions) {
    this.#options = options;
  }

  /** Resolves with the time after which to look again, if any. Throws ApiError. */
  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<Again> {
    const view = this.#options.view();
    const stored = this.#options.stored(key);
    const gateway = view?.resolution.gateways.get(key);
    const readable = view?.resolution.gatewayUnits.get(key)?.context !== undefined;
    if (stored === undefined || (readable && gateway === undefined)) this.forget(key);
    // What cannot be read keeps what it had.
    if (view === undefined || stored === undefined || gateway === undefined) return {};
    if (stored.metadata.deletionTimestamp !== undefined) return {};
    const meshLeftMs = this.#options.meshLeftMs(key, gateway);
    if (meshLeftMs > 0) return { requeueAfterMs: meshLeftMs };
    return this.#tell(key, { told: this.#open(key, stored), gateway, resolution: view.resolution }, signal);
  }

  async #tell(key: ObjectKey, { told, gateway, resolution }: Telling, signal: AbortSignal): Promise<Again> {
    const living = this.#options.pods.of(gateway.ref).filter(isLiving);
    const render = await rendererOf(told, signal);
    const identified = haveIdentity(living);
    const dialling = withIdentity(gateway, identified, told.gateway);
    const mounted = withMounted(dialling, mountedCertificates(living), told.gateway);
    const servable = withLoaded(mounted, told.loaded, told.certificates);
    const edge = (this.#options.tracer ?? noTracer).span('render', {}, () => render(servable));
    // After a restart it is not known what the listener served before: it serves on until the new Pods are there.
    if (mounted !== dialling && told.gateway === undefined) return this.#hold(key, told, edge);
    told.serving.tell(resolution);
    const published = await this.#publish(told, edge, signal);
    const isTaken = published.kind === 'served' || published.kind === 'pending';
    if (isTaken) takeUp(told, servable, published);
    const waits = waitsFor({
      certificates: mounted !== dialling,
      identity: !identified && gateway.agent !== undefined,
    });
    const isNews = published.kind === 'served' && waits.length === 0 && told.serving.acknowledged !== resolution;
    if (isNews) told.serving.acknowledge(resolution);
    this.#report(key, { told, published, edge, waits, isNews });
    // Certificates that were kept for the new ones can go.
    const isOver = servable !== mounted && withLoaded(mounted, told.loaded, told.certificates) === mounted;
    const againInMs = isOver ? 1 : published.againInMs;
    return againInMs === undefined ? {} : { requeueAfterMs: againInMs };
  }

  async #publish({ delivery }: Told, edge: Edge, signal: AbortSignal): Promise<Published> {
    const { tracer = noTracer, measure } = this.#options;
    const begin = performance.now();
    const published = await tracer.span('publish', {}, async (span) => {
      const answer = await delivery.publish(edge, signal);
      const { kind, revision, envoys } = answer;
      span.set({ 'evengate.result': kind, 'evengate.revision': revision, 'evengate.envoys': envoys.loaded });
      return answer;
    });
    measure.published(edge.gateway, published, performance.now() - begin);
    return published;
  }

  /** ConfigMaps of the gateway changed, by whomever. */
  observe(key: ObjectKey, name: string, resourceVersion: string | undefined): void {
    this.#told.get(key)?.delivery.observe(name, resourceVersion);
  }

  /** It is gone, or another operator's from now on. */
  forget(key: ObjectKey): void {
    if (this.#told.delete(key)) this.#options.measure.gone(key);
  }

  /** What its Envoys were told last, with the certificates that they need for it. */
  inPlace(key: ObjectKey): Gateway | undefined {
    return this.#told.get(key)?.gateway;
  }

  get deliveries(): ReadonlyMap<ObjectKey, Delivery> {
    return collect(this.#told, ({ report }) => report);
  }

  get served(): ReadonlyMap<ObjectKey, Resolution> {
    return collect(this.#told, ({ serving }) => serving.acknowledged);
  }

  /** What Envoys of a gateway serve beside what is `served`. */
  servedBesides(key: ObjectKey): readonly Resolution[] {
    return this.#told.get(key)?.serving.besides ?? [];
  }

  get findings(): readonly Finding[] {
    return [...this.#told.values()].flatMap(({ findings }) => findings);
  }

  /** For metrics. */
  get gateways(): readonly TellingState[] {
    return [...this.#told.values()].flatMap(({ edge, report }) =>
      edge === undefined ? [] : [{ ref: edge.gateway, files: edge.files, report }],
    );
  }

  async idle(): Promise<void> {
    await Promise.all([...this.#told.values()].map(({ delivery }) => delivery.idle()));
  }

  #hold(key: ObjectKey, told: Told, edge: Edge): { readonly requeueAfterMs: number } {
    const published: Published = {
      kind: 'pending',
      revision: edge.revision,
      envoys: { loaded: 0, ready: this.#options.pods.of(edge.gateway).filter(isReady).length, late: [] },
      findings: [],
      unusable: [],
    };
    this.#report(key, { told, published, edge, waits: waitsFor({ certificates: true, identity: false }) });
    return { requeueAfterMs: 1000 };
  }

  #open(key: ObjectKey, stored: KubeObject): Told {
    const { pods, clock } = this.#options;
    const known = this.#told.get(key);
    const uid = stored.metadata.uid ?? '';
    if (known?.uid === uid) return known;
    const told: Told = {
      uid,
      delivery: this.#options.open(stored),
      render: undefined,
      gateway: undefined,
      serving: new Serving({ gateway: key, pods: () => pods.of(refOf(stored)), now: () => clock.now() }),
      certificates: new Map(),
      loaded: new Set(),
      report: undefined,
      edge: undefined,
      findings: [],
    };
    this.#told.set(key, told);
    return told;
  }

  #report(key: ObjectKey, { told, published, edge, waits, isNews = false }: Reported): void {
    const { measure, onTold } = this.#options;
    const pods = this.#options.pods.of(edge.gateway);
    told.edge = edge;
    const written = this.#options.view()?.snapshot.ApiGateway.get(key);
    const { findings: missing, shut } = certificateReport(written, published.unusable);
    const report = { ...deliveryOf(published, { edge, waits }), ...(shut.length === 0 ? {} : { shut }) };
    const refusals = published.kind === 'refused' || published.kind === 'too-large' ? published.findings : [];
    const findings = [...refusals, ...missing, ...troubleFinding(edge.gateway, podTroubles(pods))];
    const same = JSON.stringify([told.report, told.findings]) === JSON.stringify([report, findings]);
    if (same && !isNews) return;
    if (!same) {
      if (report.rejected !== undefined && report.rejected !== told.report?.rejected) measure.rejected(edge.gateway);
      told.report = report;
      told.findings = findings;
    }
    onTold(key);
  }
}

/** A table stays what it is in place, JSON or protobuf, where its size would do for either: a restart moves no connection. */
async function rendererOf(told: Told, signal: AbortSignal): Promise<EdgeRenderer> {
  if (told.render === undefined) {
    const files = await told.delivery.inPlace(signal);
    told.certificates = certificatesIn(files.get(ldsFile)?.toString() ?? '');
    told.render = edgeRenderer({ ...inCluster, compactBefore: (_, chain) => files.has(rdsFile(chain, true)) });
  }
  return told.render;
}

function takeUp(told: Told, gateway: Gateway, { unusable }: Published): void {
  const missing = new Set(unusable.map(({ secret }) => secret));
  const names = gateway.chains.flatMap(({ certificates }) => certificates.map(({ secret }) => secretName(secret)));
  told.gateway = gateway;
  told.certificates = certificatesOf(gateway);
  told.loaded = new Set(names.filter((name) => !missing.has(name)));
}

interface Reported {
  readonly told: Told;
  readonly published: Published;
  readonly edge: Edge;
  readonly waits: readonly string[];
  /** Every Ready Envoy has what it did not have before. */
  readonly isNews?: boolean;
}

function collect<V>(
  told: ReadonlyMap<ObjectKey, Told>,
  read: (told: Told) => V | undefined,
): ReadonlyMap<ObjectKey, V> {
  return new Map(
    [...told].flatMap(([key, one]) => {
      const value = read(one);
      return value === undefined ? [] : [[key, value] as const];
    }),
  );
}
