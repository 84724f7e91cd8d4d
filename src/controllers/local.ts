/** Manifests on disk, served by Envoys of this machine: read, resolve, render, deliver; again on every change. */
import { existsSync } from 'node:fs';
import { EnvoyStartError } from '../delivery/envoy/process.ts';
import type { KeyPair } from '../delivery/local/certificates.ts';
import { type LocalEnvoy, type LocalOptions, type Outcome, openLocal } from '../delivery/local.ts';
import { pem } from '../features/listeners/certificate.ts';
import type { Gateway } from '../ir/gateway.ts';
import type { Placement } from '../ir/placement.ts';
import { keyOf, type ObjectKey, type ObjectRef } from '../kube/object.ts';
import type { Snapshot } from '../kube/snapshot.ts';
import { type EdgeRenderer, edgeRenderer } from '../render/edge.ts';
import { type Resolution, resolver } from '../resolve/resolve.ts';
import type { Finding } from '../status/finding.ts';
import { annotationFindings, type BackendOption, endpointsOf } from './local/endpoints.ts';
import { type AssignedPorts, type PortMapping, PortPlan, portFinding } from './local/ports.ts';
import type { ManifestSet } from './manifests/assemble.ts';

export interface ServeOptions {
  /** Address that the listeners bind. */
  readonly listen: string;
  readonly portMappings: readonly PortMapping[];
  readonly backends: readonly BackendOption[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Asked once, when there is something to serve. */
  readonly findBinary: () => Promise<string>;
  readonly log: (gateway: ObjectRef) => LocalOptions['log'];
  readonly accessLog?: LocalOptions['accessLog'];
}

/** A gateway as its Envoy serves it. */
export interface Served {
  readonly gateway: Gateway;
  readonly revision: string;
  /** Port of the gateway -> port of this machine. */
  readonly ports: ReadonlyMap<number, number>;
}

export interface LocalState {
  readonly set: ManifestSet;
  /** Of resolving and delivering. */
  readonly findings: readonly Finding[];
  /** By name. */
  readonly served: readonly Served[];
  /** Every gateway serves something. */
  readonly ready: boolean;
  /** Gateways of which something else is served than what they say now, or nothing. */
  readonly refused: readonly ObjectRef[];
  /** Those of the findings that say why a listener could not be opened. */
  readonly missingPorts: readonly Finding[];
}

interface Worker {
  readonly local: LocalEnvoy;
  readonly render: EdgeRenderer;
  ports: ReadonlyMap<number, number>;
  served: Served | undefined;
}

type Attempt =
  | { readonly taken: true }
  | { readonly taken: false; readonly findings: readonly Finding[]; readonly missingPorts: readonly Finding[] };

/** The controller. Calls of `apply` must not overlap; `stop` may come at any time. */
export class LocalServer {
  readonly #options: ServeOptions;
  readonly #resolve = resolver();
  readonly #plan: PortPlan;
  readonly #workers = new Map<ObjectKey, Worker>();
  #snapshot: Snapshot | undefined;
  #binary: Promise<string> | undefined;
  /** Something was served: from now on what goes wrong is a finding. */
  #begun = false;
  #stopped = false;

  constructor(options: ServeOptions) {
    this.#options = options;
    this.#plan = new PortPlan(options.listen, options.portMappings);
  }

  /** What the manifests say, with nothing served yet. */
  resolve(set: ManifestSet): Resolution {
    return this.#resolve(set.snapshot);
  }

  /** Tries every port before anything starts; what it finds keeps listeners from being served. */
  async assignPorts(set: ManifestSet): Promise<readonly Finding[]> {
    const findings: Finding[] = [];
    for (const gateway of inOrder(this.#resolve(set.snapshot))) {
      findings.push(...(await this.#plan.assign(gateway)).findings);
    }
    return findings;
  }

  /**
   * Serves the set as far as it can be; what cannot be taken serves on as it did. Throws NoEnvoyError, and EnvoyStartError
   * where an Envoy does not start.
   */
  async apply(set: ManifestSet): Promise<LocalState> {
    const resolution = this.#resolve(set.snapshot);
    this.#snapshot = set.snapshot;
    await this.#stopMissing(resolution);
    const gateways = inOrder(resolution);
    const assigned: { readonly gateway: Gateway; readonly ports: AssignedPorts }[] = [];
    for (const gateway of gateways) assigned.push({ gateway, ports: await this.#plan.assign(gateway) });
    const attempts = await Promise.all(
      assigned.map(async ({ gateway, ports }) => ({ gateway, ...(await this.#publish(gateway, ports)) })),
    );
    const refusals = attempts.flatMap((one) => (one.taken ? [] : [one]));
    const missingPorts = refusals.flatMap((one) => one.missingPorts);
    const unreadable = [...resolution.gatewayUnits.values()].filter(({ context }) => context === undefined);
    this.#begun = true;
    return {
      set,
      findings: [
        ...resolution.findings,
        ...annotationFindings(set.snapshot.Service),
        ...refusals.flatMap(({ findings }) => findings),
        ...missingPorts,
      ],
      served: this.#served(),
      ready: gateways.every(({ ref }) => this.#workers.get(keyOfRef(ref))?.served !== undefined),
      refused: [...refusals.map(({ gateway }) => gateway.ref), ...unreadable.map(({ ref }) => ref)],
      missingPorts,
    };
  }

  /** Ends every Envoy. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#workers.values()].map(({ local }) => local.stop()));
    this.#workers.clear();
  }

  #served(): readonly Served[] {
    const keys = [...this.#workers.keys()].toSorted();
    return keys.flatMap((key) => this.#workers.get(key)?.served ?? []);
  }

  /** An ApiGateway that is there but cannot be read serves on; one that is gone, or another operator's, does not. */
  async #stopMissing({ gateways, gatewayUnits }: Resolution): Promise<void> {
    const gone = [...this.#workers].filter(([key]) => {
      const unit = gatewayUnits.get(key);
      return !gateways.has(key) && (unit === undefined || unit.context !== undefined);
    });
    await Promise.all(gone.map(([key]) => this.#drop(key)));
  }

  async #drop(key: ObjectKey): Promise<void> {
    const worker = this.#workers.get(key);
    this.#workers.delete(key);
    this.#plan.release(key);
    await worker?.local.stop();
  }

  async #publish(gateway: Gateway, { ports, findings }: AssignedPorts): Promise<Attempt> {
    if (findings.length > 0) return { taken: false, findings: [], missingPorts: findings };
    const key = keyOfRef(gateway.ref);
    const worker = this.#workers.get(key) ?? (await this.#open(key, gateway.ref));
    worker.ports = ports;
    const outcome = await this.#tell(key, worker, gateway);
    if (outcome.taken) {
      worker.served = { gateway, revision: outcome.revision, ports };
      return { taken: true };
    }
    const portFindings = outcome.takenPorts.flatMap((bound) => {
      const port = [...ports].find(([, one]) => one === bound)?.[0];
      this.#plan.lost(gateway, bound);
      return port === undefined ? [] : [portFinding(gateway, port, `port ${bound} is in use by another program`)];
    });
    return {
      taken: false,
      findings: outcome.findings,
      missingPorts: portFindings,
    };
  }

  /** Once something is served, an Envoy that does not start is a finding, and the others serve on. */
  async #tell(key: ObjectKey, worker: Worker, gateway: Gateway): Promise<Outcome> {
    try {
      return await worker.local.publish(worker.render(gateway), (secret) => this.#keyPairOf(secret));
    } catch (error) {
      if (!(error instanceof EnvoyStartError) || !this.#begun) throw error;
      await this.#drop(key);
      return { taken: false, findings: [startFinding(gateway.ref, error)], takenPorts: [] };
    }
  }

  async #open(key: ObjectKey, gateway: ObjectRef): Promise<Worker> {
    this.#binary ??= this.#options.findBinary();
    const { env } = this.#options;
    const { log, accessLog } = this.#options;
    const local = await openLocal({ gateway, binary: await this.#binary, env, log: log(gateway), accessLog });
    const render = edgeRenderer(this.#placement(local, key));
    const worker: Worker = { local, render, ports: new Map(), served: undefined };
    this.#workers.set(key, worker);
    if (this.#stopped) await local.stop();
    return worker;
  }

  #placement({ directory, certificates }: LocalEnvoy, key: ObjectKey): Placement {
    const { listen, backends, env } = this.#options;
    return {
      directory,
      certificates,
      trustedCertificates: trustedCertificates(env),
      sharePorts: false,
      bind: (_, port) => ({ address: listen, port: this.#workers.get(key)?.ports.get(port) ?? port }),
      endpoints: (backend) => ({
        kind: 'addresses',
        addresses: endpointsOf(backend, backends, this.#snapshot?.Service ?? new Map()),
      }),
    };
  }

  #keyPairOf({ namespace, name }: ObjectRef): KeyPair | undefined {
    const secret = this.#snapshot?.Secret.get(keyOf(namespace, name));
    const certificate = secret && pem(secret, 'tls.crt');
    const key = secret && pem(secret, 'tls.key');
    return certificate === undefined || key === undefined ? undefined : { certificate, key };
  }
}

/** So that of two gateways that want one port it is always the same that gets it. */
function inOrder({ gateways }: Resolution): readonly Gateway[] {
  return [...gateways].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, gateway]) => gateway);
}

function keyOfRef({ namespace, name }: ObjectRef): ObjectKey {
  return keyOf(namespace, name);
}

function startFinding(about: ObjectRef, error: EnvoyStartError): Finding {
  return {
    about,
    severity: 'error',
    reason: 'NotProgrammed',
    at: '',
    message: error.message.replace(/\.$/, ''),
    remedy: 'Look at what changed last; the next change of a file tries again',
  };
}

/** Where the distributions keep their bundle of certificate authorities. */
const bundles = [
  '/etc/ssl/certs/ca-certificates.crt', // Debian, Ubuntu, Alpine, Arch
  '/etc/pki/tls/certs/ca-bundle.crt', // Fedora, RHEL
  '/etc/ssl/ca-bundle.pem', // openSUSE
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem', // RHEL 7 and newer
  '/etc/ssl/cert.pem', // macOS, Alpine
] as const;

function trustedCertificates(env: ServeOptions['env']): string {
  const given = env['SSL_CERT_FILE'] ?? '';
  return given !== '' ? given : (bundles.find((path) => existsSync(path)) ?? bundles[0]);
}
