/** The pods of one gateway, told by ConfigMaps; a touched annotation makes the kubelet look at them at once. */
import { ApiError, type Client } from '../../kube/client.ts';
import { resources } from '../../kube/resources.ts';
import type { Clock } from '../clock.ts';
import { type Content, expectedOf, isCertificate, type Refusal, rootOf } from '../publication/content.ts';
import type { Phase } from '../publication/phases.ts';
import type { Answer, Target } from '../publication/publisher.ts';
import type { RefusedContent } from '../publication/refused.ts';
import { type Asker, ask, beforeOf, type Outcome, type Question, refusedAtStart, type Unusable } from './ask.ts';
import type { EdgeFleet, EdgePod, Envoys, PodAccess, UnusableCertificate } from './contract.ts';
import { idOf, isSound, type Known, newEnvoy } from './known.ts';
import { bytesOf, shardBytes } from './shards.ts';
import type { ConfigMapStore } from './store.ts';
import { dividedCertificates, unusableCertificates } from './unusable.ts';

export interface TargetOptions {
  readonly store: ConfigMapStore;
  readonly refused: RefusedContent;
  readonly client: Client;
  readonly fleet: EdgeFleet;
  readonly access: PodAccess;
  readonly clock: Clock;
  readonly log: (level: 'info' | 'warn' | 'error', line: string) => void;
}

/** The files do not fit into their ConfigMaps. */
export class TooLargeError extends Error {
  override readonly name = 'TooLargeError';

  /** `sizes` in bytes, by file name. */
  constructor(sizes: ReadonlyMap<string, number>) {
    const [file, largest] = [...sizes].toSorted(([, a], [, b]) => b - a)[0] ?? ['', 0];
    const all = [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
    const what =
      largest > shardBytes ? `${file} takes ${largest} bytes` : `What Envoy is to be told takes ${all} bytes`;
    super(`${what}, and a ConfigMap holds ${shardBytes}`);
  }
}

/** Of a question to each. */
type Common = Pick<Question, 'content' | 'expected' | 'signal'>;

export const publicationAnnotation = 'evengate.dev/publication';
const patienceMs = 10_000;
/** As long as the kubelet needs for one look at a pod: phases that come faster would be one to it. */
const latePatienceMs = 1500;
const firstTouchPauseMs = 1000;
const longestTouchPauseMs = 60_000;

export class ConfigMapTarget implements Target {
  readonly #options: TargetOptions;
  readonly #asker: Asker;
  readonly #known = new Map<string, Known>();
  #placed: Content | undefined;
  /** Roots of what was placed last and was not in place before, nor when Envoys were looked at. */
  #fresh: ReadonlySet<string> = new Set();
  #touchCount = 0;

  constructor(options: TargetOptions) {
    this.#options = options;
    this.#asker = options;
  }

  serving(): boolean {
    return this.#ready().length > 0;
  }

  async begin(phases: readonly Phase[], content: Content, signal: AbortSignal): Promise<void> {
    for (const { files } of phases) {
      const sizes = new Map(files.map((file) => [file.name, bytesOf(file)]));
      if (this.#options.store.hasRoom(sizes)) continue;
      throw new TooLargeError(sizes);
    }
    // The copy must not be older than what is about to be replaced: what that revoked would come back.
    if (this.isServed(content)) await this.#options.store.keep(content, signal);
  }

  isServed(content: Content): boolean {
    return this.#ready().some((pod) => this.#of(pod).serves === content);
  }

  envoys(content: Content): Envoys {
    const ready = this.#ready();
    return {
      loaded: ready.filter((pod) => this.#of(pod).serves === content).length,
      ready: ready.length,
      late: ready.filter((pod) => this.#of(pod).late && this.#of(pod).serves !== content).map(({ name }) => name),
    };
  }

  unusable(content: Content): readonly UnusableCertificate[] {
    return unusableCertificates(
      this.#ready().map((pod) => this.#of(pod)),
      content,
    );
  }

  divided(content: Content): ReadonlySet<string> {
    return dividedCertificates(
      this.#ready().map((pod) => this.#of(pod)),
      content,
    );
  }

  /** Asks those that lack one of `files` once more; with a touch, their kubelets look for it. */
  async lookAgain(files: ReadonlySet<string>, touch: boolean): Promise<void> {
    const lacking = this.#ready().filter((pod) => [...this.#of(pod).unusable.keys()].some((name) => files.has(name)));
    for (const pod of lacking) delete this.#of(pod).serves;
    if (touch) await Promise.all(lacking.map((pod) => this.#touch(pod)));
  }

  async place(content: Content, signal: AbortSignal): Promise<void> {
    // The kubelet reads nothing before the touch, so that looking first costs no time.
    const looking = Promise.all(this.#ready().map((pod) => this.#lookAt(pod)));
    const writing = this.#options.store.write(content, this.#options.refused.dump(), signal);
    const [written] = await Promise.all([writing, looking]);
    const placed = this.#placed;
    const isNew = ([root, version]: readonly [string, string]) => placed && expectedOf(placed).get(root) !== version;
    this.#fresh = new Set([...expectedOf(content)].filter(isNew).map(([root]) => root));
    this.#placed = content;
    this.#forgetGone();
    if (!written) return;
    for (const known of this.#known.values()) known.touches = 0;
    const pods = this.#options.fleet.pods().filter(({ terminating }) => !terminating);
    await Promise.all(pods.map((pod) => this.#touch(pod)));
  }

  async settle(content: Content, signal: AbortSignal): Promise<Answer> {
    const round = new AbortController();
    const common = { content, expected: expectedOf(content), signal: AbortSignal.any([signal, round.signal]) };
    try {
      const outcomes = await this.#askReady(common);
      const found = outcomes.flatMap((outcome) => (outcome.kind === 'refused' ? outcome.refusals : []));
      const refusals = this.serving() ? found : await this.#refusedAtStart(common);
      // What we have placed ourselves was looked at before, but for pods that came later.
      const isUnsure = content !== this.#placed && outcomes.some(({ kind }) => kind === 'unsure');
      return refusals.length > 0 || isUnsure ? { taken: false, refusals } : { taken: true };
    } finally {
      round.abort(new Error('answered'));
    }
  }

  /** Until each Ready pod has answered, also those that come meanwhile, or one has refused. */
  async #askReady(common: Common): Promise<readonly Outcome[]> {
    const asked = new Map<string, Promise<void>>();
    const answered = new Map<string, Outcome>();
    const start = async (pod: EdgePod) => {
      answered.set(idOf(pod), await this.#ask(pod, common));
    };
    for (;;) {
      common.signal.throwIfAborted();
      const open = this.#ready().filter((pod) => !answered.has(idOf(pod)) && this.#of(pod).serves !== common.content);
      const outcomes = [...answered.values()];
      if (open.length === 0 || outcomes.some(({ kind }) => kind === 'refused')) return outcomes;
      for (const pod of open) asked.set(idOf(pod), asked.get(idOf(pod)) ?? start(pod));
      await this.#first([...asked.values()], common.signal);
      for (const id of answered.keys()) asked.delete(id);
    }
  }

  /** Resolves at the first answer, or when the pods change. */
  async #first(outcomes: readonly Promise<void>[], signal: AbortSignal): Promise<void> {
    const moment = new AbortController();
    const change = this.#options.fleet.changed(AbortSignal.any([signal, moment.signal]));
    try {
      await Promise.race([...outcomes, change]);
    } finally {
      moment.abort(new Error('over'));
      change.catch(() => undefined);
    }
  }

  async #ask(pod: EdgePod, common: Common): Promise<Outcome> {
    const known = this.#of(pod);
    const over = new AbortController();
    const isSame = ({ file, version }: Unusable) => common.content.get(file.name)?.version === version;
    const unusable = [...known.unusable.values()].filter(isSame);
    const roots = new Set(unusable.map(({ file }) => rootOf(file)));
    const outcome = await ask(this.#asker, {
      ...common,
      expected: new Map([...common.expected].filter(([root]) => !roots.has(root))),
      unusable,
      hasLoaded: (root) => known.sound.has(root),
      isSound: (root, refused) => isSound(known, this.#fresh.has(root), { root, refused }),
      pod,
      before: known.before,
      patienceMs: known.late ? latePatienceMs : patienceMs,
      onPending: () => {
        this.#keepTouching(pod, AbortSignal.any([common.signal, over.signal])).catch(() => undefined);
      },
    }).finally(() => over.abort(new Error('over')));
    if (outcome.kind === 'serves') this.#serves(pod, common.content, outcome);
    if (outcome.kind === 'late' || outcome.kind === 'unsure') this.#callLate(pod, known);
    if (outcome.kind === 'refused') {
      for (const { file, detail } of outcome.refusals) {
        this.#options.log('warn', `Envoy in Pod ${pod.namespace}/${pod.name} refused ${file.name}: ${detail}`);
      }
    }
    return outcome;
  }

  #serves(pod: EdgePod, content: Content, { unusable, refused }: Outcome & { readonly kind: 'serves' }): void {
    const known = this.#of(pod);
    const now = new Map(unusable.map((one) => [one.file.name, one]));
    for (const { file, detail } of unusable) {
      if (known.unusable.has(file.name)) continue;
      const why = `Envoy in Pod ${pod.namespace}/${pod.name} could not load ${file.name}: ${detail}`;
      this.#options.log('warn', `${why}; it serves the rest, and is told again`);
    }
    for (const { file } of content.values()) {
      if (isCertificate({ file }) && !now.has(file.name)) known.sound.set(rootOf(file), refused.get(rootOf(file)) ?? 0);
    }
    Object.assign(known, { serves: content, late: false, unusable: now });
  }

  #callLate(pod: EdgePod, known: Known): void {
    if (!known.late) {
      const behind = `Envoy in Pod ${pod.namespace}/${pod.name} does not take up what is in its ConfigMaps`;
      this.#options.log('warn', `${behind}; the others are not kept waiting for it`);
    }
    known.late = true;
  }

  async #refusedAtStart(common: Common): Promise<readonly Refusal[]> {
    const starting = this.#options.fleet.pods().filter(({ ip, terminating }) => ip !== '' && !terminating);
    const nothing = { unusable: [], hasLoaded: () => false, isSound: () => true, onPending: () => undefined };
    const question = { ...common, ...nothing, before: undefined, patienceMs: 0 };
    const found = await Promise.all(starting.map((pod) => refusedAtStart(this.#asker, { ...question, pod })));
    return found.find((refusals) => refusals.length > 0) ?? [];
  }

  async #lookAt(pod: EdgePod): Promise<void> {
    const known = this.#of(pod);
    known.before = known.late ? undefined : await beforeOf(this.#asker, pod);
  }

  /** The kubelet may have missed it. Until aborted. */
  async #keepTouching(pod: EdgePod, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    for (;;) {
      const { touches, touchedAt } = this.#of(pod);
      const pause = touches === 0 ? 0 : Math.min(firstTouchPauseMs * 2 ** (touches - 1), longestTouchPauseMs);
      const left = touches === 0 ? 0 : touchedAt + pause - clock.monotonic();
      if (left > 0) await clock.sleep(left, signal);
      signal.throwIfAborted();
      await this.#touch(pod);
    }
  }

  async #touch(pod: EdgePod): Promise<void> {
    const { client, clock, log } = this.#options;
    const known = this.#of(pod);
    known.touches += 1;
    known.touchedAt = clock.monotonic();
    this.#touchCount += 1;
    const value = `${clock.now().toString(36)}.${this.#touchCount}`;
    const body = { metadata: { uid: pod.uid, annotations: { [publicationAnnotation]: value } } };
    const { namespace, name } = pod;
    await client.patch(resources.Pod, { namespace, name }, body).catch((error: unknown) => {
      // Gone, or another one under its name.
      if (error instanceof ApiError && (error.code === 404 || error.code === 409)) return;
      const reason = error instanceof Error ? error.message : String(error);
      log(
        'warn',
        `Pod ${namespace}/${name} could not be touched, so that it takes up changes a minute late: ${reason}`,
      );
    });
  }

  #ready(): readonly EdgePod[] {
    return this.#options.fleet.pods().filter(({ ready, terminating }) => ready && !terminating);
  }

  #of(pod: EdgePod): Known {
    const known = this.#known.get(idOf(pod)) ?? newEnvoy();
    this.#known.set(idOf(pod), known);
    return known;
  }

  #forgetGone(): void {
    const there = new Set(this.#options.fleet.pods().map(idOf));
    for (const id of this.#known.keys()) if (!there.has(id)) this.#known.delete(id);
  }
}
