/**
 * The process of `evengate operator`. From @dot-i/k8s-operator it has the lifecycle: an Operator that is made, started and
 * stopped. What that package says to an API server loses deletions, swallows errors, and ends the process with the first
 * reset of a watch; `runtime` does that work, and here every such method refuses.
 */
import dotI from '@dot-i/k8s-operator';
import type { Log } from './runtime/logger.ts';
import type { Manager } from './runtime/manager.ts';

export interface OperatorOptions {
  readonly log: Log;
  /** Makes what runs; `stop` is aborted when the operator is stopped meanwhile. */
  readonly components: (stop: AbortSignal) => Promise<Manager>;
}

export class EvengateOperator extends dotI.default {
  readonly #options: OperatorOptions;
  readonly #stop = new AbortController();
  #manager: Manager | undefined;

  constructor(options: OperatorOptions) {
    super();
    this.#options = options;
  }

  /** Resolves when everything has ended after `stop`; rejects with what ended it before, which is in the log. */
  override async start(): Promise<void> {
    await super.start();
    await this.#manager?.run(this.#stop.signal);
  }

  /** Begins the orderly end. */
  override stop(): void {
    this.#stop.abort(new Error('the operator was stopped'));
  }

  protected override async init(): Promise<void> {
    const { components, log } = this.#options;
    try {
      this.#manager = await components(this.#stop.signal);
    } catch (error) {
      log.error('cannot start', { error });
      throw error;
    }
  }
}

/** Methods of the base, and what does their work. */
const instead: Readonly<Record<string, string>> = {
  registerCustomResourceDefinition: 'CRDs are installed with `evengate crds`',
  watchResource: 'a Reflector watches',
  getCustomResourceApiUri: 'a Client knows the paths of a ResourceType',
  setResourceStatus: 'Client.apply writes a status',
  patchResourceStatus: 'Client.apply writes a status',
  resourceStatusRequest: 'Client.apply writes a status',
  handleResourceFinalizer: 'what we write is found again by its labels, without finalizers',
  setResourceFinalizers: 'what we write is found again by its labels, without finalizers',
  applyAxiosKubeConfigAuth: 'a Connection authenticates',
  applyGaxiosKubeConfigAuth: 'a Connection authenticates',
};

// Over all that the base has, so that what a later version adds is refused too until somebody has looked at it.
for (const name of Object.getOwnPropertyNames(dotI.default.prototype)) {
  if (Object.hasOwn(EvengateOperator.prototype, name)) continue;
  const refuse = () => {
    throw new Error(`${name} of @dot-i/k8s-operator is not used here: ${instead[name] ?? 'see src/runtime'}`);
  };
  Object.defineProperty(EvengateOperator.prototype, name, { value: refuse });
}

// The base's constructor loads whichever kubeconfig the environment names, or fails; its fields serve only what is refused.
Object.setPrototypeOf(EvengateOperator, function inert() {});

/** Where signals come from: `process`. */
export interface SignalSource {
  on(signal: NodeJS.Signals, act: (signal: NodeJS.Signals) => void): unknown;
  off(signal: NodeJS.Signals, act: (signal: NodeJS.Signals) => void): unknown;
}

/** For what still goes on after a failure, such as a component that does not end. */
const LINGER_MS = 5000;

/**
 * Runs until SIGTERM or SIGINT and ends in order; another one calls `kill`. Rejects with what ended it before, and then calls
 * `kill` where the process is not gone soon: one that lingers neither works nor is started again.
 */
export async function runOperator(options: OperatorOptions, signals: SignalSource, kill: () => void): Promise<void> {
  const operator = new EvengateOperator(options);
  let asked = false;
  const act = (signal: NodeJS.Signals) => {
    options.log.info('asked to end', { signal, again: asked ? true : undefined });
    if (asked) kill();
    asked = true;
    operator.stop();
  };
  const names = ['SIGTERM', 'SIGINT'] as const;
  for (const name of names) signals.on(name, act);
  try {
    await operator.start();
  } catch (error) {
    setTimeout(kill, LINGER_MS).unref();
    throw error;
  } finally {
    for (const name of names) signals.off(name, act);
  }
}
