/** ConfigMap delivery: the Envoys of one gateway, told by ConfigMaps that their pods mount as one projected volume. */
import type { Client } from '../kube/client.ts';
import { describeRef, type ObjectMeta, type ObjectRef } from '../kube/object.ts';
import type { EdgeFile } from '../render/edge.ts';
import type { Finding } from '../status/finding.ts';
import type { Clock } from './clock.ts';
import { CertificateTries } from './configmap/certificate-tries.ts';
import type { ConfigMapDelivery, EdgeContent, EdgeFleet, PodAccess, Published } from './configmap/contract.ts';
import { ConfigMapStore, NameTakenError, type Stored } from './configmap/store.ts';
import { contentOf } from './configmap/stored.ts';
import { ConfigMapTarget, TooLargeError } from './configmap/target.ts';
import { type Body, type Content, filesOf, isOfCertificate, revisionOfContent } from './publication/content.ts';
import { findingsOf } from './publication/culprit.ts';
import { type Publication, Publisher, type Trace } from './publication/publisher.ts';
import { RefusedContent } from './publication/refused.ts';

export type {
  ConfigMapDelivery,
  EdgeContent,
  EdgeFleet,
  EdgePod,
  Envoys,
  PodAccess,
  Published,
  UnusableCertificate,
} from './configmap/contract.ts';
export { directAccess, proxiedAccess } from './configmap/pod-access.ts';
export { type EnvoyStanding, type Standing, standing } from './configmap/standing.ts';

export interface ConfigMapDeliveryOptions {
  readonly gateway: ObjectRef;
  /**
   * Names in the gateway's namespace, all sources of one projected volume; files are spread over them as they need. The
   * first must be there before a pod starts, the others are optional sources. Beside each, `<name>-good` is ours too.
   */
  readonly configMaps: readonly string[];
  readonly metadata: Pick<ObjectMeta, 'labels' | 'ownerReferences'>;
  readonly client: Client;
  readonly fleet: EdgeFleet;
  readonly access: PodAccess;
  readonly clock: Clock;
  readonly log: (level: 'info' | 'warn' | 'error', line: string) => void;
  /** Of each phase. */
  readonly trace?: Trace;
}

export function configMapDelivery(options: ConfigMapDeliveryOptions): ConfigMapDelivery {
  return new Delivery(options);
}

type Told = Omit<Published, 'unusable'>;

/** When a pod that is late, or one that starts with what is in place, may have more to say. */
const againMs = 2000;

class Delivery implements ConfigMapDelivery {
  readonly #options: ConfigMapDeliveryOptions;
  /** A Secret is mended in silence: what was refused for it may be taken the next time. */
  readonly #refused = new RefusedContent((refused) => !isOfCertificate(refused));
  readonly #tries: CertificateTries;
  readonly #store: ConfigMapStore;
  readonly #target: ConfigMapTarget;
  readonly #publisher: Publisher;
  /** What is in place is known. */
  #known = false;
  /** Read, and not looked at yet. */
  #stored: Stored | undefined;
  readonly #observed = new Map<string, string | undefined>();
  #copying: Promise<void> = Promise.resolve();

  constructor(options: ConfigMapDeliveryOptions) {
    this.#options = options;
    this.#tries = new CertificateTries(options.clock);
    const { gateway, configMaps: names, metadata, client } = options;
    this.#store = new ConfigMapStore({ namespace: gateway.namespace, names, metadata, client });
    this.#target = new ConfigMapTarget({ ...options, store: this.#store, refused: this.#refused });
    this.#publisher = new Publisher(this.#target, this.#refused, options.trace);
  }

  async publish(edge: EdgeContent, signal: AbortSignal): Promise<Published> {
    await this.idle();
    this.#judge();
    const told = await this.#tell(edge, signal);
    const { content } = this.#publisher.state;
    const unusable = this.#target.unusable(content);
    const tryInMs = this.#tries.note(new Set(unusable.map(({ file }) => file)), content);
    const lookInMs = this.#target.divided(content).size > 0 ? againMs : undefined;
    const waits = [told.againInMs, tryInMs, lookInMs].filter((ms) => ms !== undefined);
    return { ...told, unusable, ...(waits.length === 0 ? {} : { againInMs: Math.min(...waits) }) };
  }

  async #tell({ files }: EdgeContent, signal: AbortSignal): Promise<Told> {
    try {
      if (!this.#known) await this.#read(files, signal);
      const { content: before } = this.#publisher.state;
      const due = this.#tries.begin();
      const spared = this.#target.divided(before);
      await this.#target.lookAgain(spared, due);
      const spelled = this.#tries.spell(files, before, { due, spared });
      const publication = await this.#publisher.publish(spelled, signal);
      const { content } = this.#publisher.state;
      if (publication.taken && this.#target.isServed(content)) this.#copying = this.#copy(content);
      return this.#published(publication);
    } catch (error) {
      if (error instanceof TooLargeError) return this.#tooLarge(error);
      this.#known = false;
      if (error instanceof NameTakenError) return this.#nameTaken(error);
      throw error;
    }
  }

  async inPlace(signal: AbortSignal): Promise<ReadonlyMap<string, Body>> {
    if (this.#known) return new Map([...this.#publisher.state.content].map(([name, { body }]) => [name, body]));
    try {
      this.#stored = await this.#store.read(signal);
    } catch (error) {
      if (error instanceof NameTakenError) return new Map();
      throw error;
    }
    return this.#stored.bodies;
  }

  observe(name: string, resourceVersion: string | undefined): void {
    // Its own event may come before the answer to its own write: judged when nothing is under way.
    this.#observed.set(name, resourceVersion);
  }

  idle(): Promise<void> {
    return this.#copying;
  }

  #judge(): void {
    const foreign = [...this.#observed].some(([name, version]) => this.#store.isForeign(name, version));
    this.#observed.clear();
    if (!foreign) return;
    this.#known = false;
    this.#stored = undefined;
  }

  /** What an earlier process, somebody else, or a write whose answer was lost has left. */
  async #read(files: readonly EdgeFile[], signal: AbortSignal): Promise<void> {
    const { state } = this.#publisher;
    const stored = this.#stored ?? (await this.#store.read(signal));
    this.#stored = undefined;
    await this.#store.label(signal);
    const rendered = [...files, ...filesOf(state.content), ...(state.good ?? [])];
    const copy = stored.good === undefined ? undefined : contentOf(stored.good, rendered);
    const known = [...rendered, ...filesOf(copy?.content ?? new Map())];
    const { content = new Map(), number } = contentOf(stored.bodies, known);
    if (stored.refused !== '') this.#refused.restore(stored.refused);
    const good = state.good ?? (copy?.content === undefined ? undefined : filesOf(copy.content));
    this.#publisher.restore({ content, good, number: Math.max(number, copy?.number ?? 0) });
    this.#known = true;
  }

  /** Off the way of the next change, which only waits for it. */
  async #copy(content: Content): Promise<void> {
    try {
      await this.#store.keep(content, AbortSignal.timeout(copyLimitMs));
    } catch (error) {
      this.#known = false;
      const reason = error instanceof Error ? error.message : String(error);
      const what = `the copy of the last good configuration of ${describeRef(this.#options.gateway)}`;
      this.#options.log('warn', `${what} could not be written, and will be before the next change: ${reason}`);
    }
  }

  #published(publication: Publication): Told {
    const { content } = this.#publisher.state;
    const envoys = this.#target.envoys(content);
    const common = { revision: content.size === 0 ? '' : revisionOfContent(content), envoys };
    if (!publication.taken) {
      const { refusals } = publication;
      const mended = refusals.some(({ file, detail }) => isOfCertificate({ ...file.subscription, detail }));
      const findings = findingsOf(this.#options.gateway, refusals);
      return { kind: 'refused', ...common, findings, ...(mended ? { againInMs: mendedMs } : {}) };
    }
    if (envoys.ready > 0 && envoys.loaded === envoys.ready) return { kind: 'served', ...common, findings: [] };
    const waiting = envoys.ready > 0 || this.#options.fleet.pods().length > 0;
    return { kind: 'pending', ...common, findings: [], ...(waiting ? { againInMs: againMs } : {}) };
  }

  #nameTaken({ configMap, isLeft }: NameTakenError): Told {
    const envoys = this.#target.envoys(this.#publisher.state.content);
    if (isLeft) return { kind: 'pending', revision: '', envoys, findings: [], againInMs: collectedMs };
    const finding: Finding = {
      about: this.#options.gateway,
      severity: 'error',
      reason: 'NameTaken',
      at: '',
      message: `ConfigMap ${configMap} exists and does not belong to this ApiGateway, so it is left alone`,
      remedy: 'Delete or rename that object, or rename the ApiGateway',
    };
    return { kind: 'refused', revision: '', envoys, findings: [finding], againInMs: freeMs };
  }

  #tooLarge({ message }: TooLargeError): Told {
    const { gateway, configMaps } = this.#options;
    const finding: Finding = {
      about: gateway,
      severity: 'error',
      reason: 'ConfigTooLarge',
      at: '',
      message: `${message}, of which there are ${configMaps.length}; what was served before stays`,
      remedy: 'Move some Routes to another listener or to another ApiGateway',
    };
    const { content } = this.#publisher.state;
    const envoys = this.#target.envoys(content);
    const revision = content.size === 0 ? '' : revisionOfContent(content);
    return { kind: 'too-large', revision, envoys, findings: [finding] };
  }
}

const copyLimitMs = 30_000;
/** Nobody tells when the Secret is mended. */
const mendedMs = 30_000;
/** Nobody tells when the name is free. */
const freeMs = 30_000;
/** The garbage collector is at it. */
const collectedMs = 1000;
