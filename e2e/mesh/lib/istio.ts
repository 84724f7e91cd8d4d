/** Istio on the cluster of the run: istiod, its injector and its definitions, installed with Istio's own charts. */
import { execFile } from 'node:child_process';
import events from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { atEnd } from '../../cluster/shared.ts';
import { kubectl } from '../../cluster/use.ts';
import { helmBinary, helmOn } from '../../helm/lib/helm.ts';
import { loadedCluster } from '../../operator/lib/loaded.ts';
import { goProgram, judges } from '../../tools/go-program.ts';
import { hub, packPilot, packProxy, tag } from './images.ts';

export const istioNamespace = 'istio-system';

const key = Symbol.for('evengate.istio');
const holder = events as unknown as { [key]?: Promise<void> };

/** Resolves when istiod is ready. The first of a run that asks installs it, and the run's end removes it; what was there stays. */
export function useIstio(): Promise<void> {
  holder[key] ??= install((line) => void process.stderr.write(`istio: ${line}\n`));
  return holder[key];
}

async function install(say: (line: string) => void): Promise<void> {
  const cluster = await loadedCluster();
  const program = await goProgram(judges.istioControl);
  if ('skip' in program) throw new Error(program.skip);
  const files = { binary: program.binary, module: await moduleFolder('istio.io/istio') };
  for (const pack of [packPilot, packProxy]) await cluster.loadImage(await pack(files, say));
  const found = await kubectl(['get', 'namespace', istioNamespace, '--ignore-not-found', '--output', 'name']);
  if (found === '') {
    say('installing');
    atEnd(remove);
    await charts(files.module, cluster.kubeconfig);
  }
  await kubectl(['-n', istioNamespace, 'rollout', 'status', 'deployment/istiod', '--timeout=90s']);
}

async function charts(module: string, kubeconfig: string): Promise<void> {
  const apply = ['apply', '--server-side'];
  await kubectl([...apply, ...(await gatewayDefinitions()).flatMap((path) => ['--filename', path])]);
  const helm = helmOn({ binary: await helmBinary(), kubeconfig });
  const chart = (name: string) => [join(module, 'manifests/charts', name), '--namespace', istioNamespace];
  try {
    await helm.run(['install', 'istio-base', ...chart('base'), '--create-namespace']);
    await helm.run(['install', 'istiod', ...chart('istio-control/istio-discovery'), '--wait'], values);
  } finally {
    helm.end();
  }
}

/** Waypoints are Gateways. */
async function gatewayDefinitions(): Promise<readonly string[]> {
  const folder = join(await moduleFolder('sigs.k8s.io/gateway-api'), 'config/crd/standard');
  return ['gateways', 'gatewayclasses'].map((plural) => join(folder, `gateway.networking.k8s.io_${plural}.yaml`));
}

const small = { requests: { cpu: '10m', memory: '64Mi' } };

/**
 * Envoy's own build has none of Istio's filters, so istiod must not send them. Sidecars normalise paths as gateways of ours do, so that
 * rules about paths hold inside the mesh, too.
 */
const values = {
  global: {
    hub,
    tag,
    imagePullPolicy: 'IfNotPresent',
    proxy: { resources: small, readinessPeriodSeconds: 1 },
  },
  resources: small,
  autoscaleEnabled: false,
  meshConfig: { pathNormalization: { normalization: 'DECODE_AND_MERGE_SLASHES' } },
  telemetry: { enabled: false },
  env: {
    PILOT_ENABLE_METADATA_EXCHANGE: 'false',
    PILOT_ENABLE_ALPN_FILTER: 'false',
    PILOT_ENABLE_AMBIENT: 'true',
  },
};

/** Charts keep definitions of kinds; who made the cluster's does not. */
async function remove(): Promise<void> {
  const cluster = await loadedCluster();
  const helm = helmOn({ binary: await helmBinary(), kubeconfig: cluster.kubeconfig });
  try {
    for (const release of ['istiod', 'istio-base']) await helm.run(['uninstall', release, '-n', istioNamespace]);
  } finally {
    helm.end();
  }
  const definitions = (await kubectl(['get', 'crd', '--output', 'name'])).split('\n');
  const theirs = definitions.filter((name) =>
    /\.istio\.io$|\/gateway(classe)?s\.gateway\.networking\.k8s\.io$/.test(name),
  );
  await kubectl(['delete', '--wait=false', `namespace/${istioNamespace}`, ...theirs, '--ignore-not-found']);
  // istiod puts them into every namespace.
  const roots = ['--all-namespaces', '--field-selector', 'metadata.name=istio-ca-root-cert'];
  await kubectl(['delete', 'configmap', ...roots, '--ignore-not-found']);
  const others = [
    'validatingwebhookconfiguration',
    'mutatingwebhookconfiguration',
    'clusterrole',
    'clusterrolebinding',
  ];
  await kubectl(['delete', others.join(','), '--selector', 'app.kubernetes.io/part-of=istio', '--ignore-not-found']);
}

async function moduleFolder(module: string): Promise<string> {
  const cwd = join(import.meta.dirname, '../../istio');
  const env = { ...process.env, GOFLAGS: '-mod=readonly' };
  const { stdout } = await promisify(execFile)('go', ['list', '-m', '-f', '{{.Dir}}', module], { cwd, env });
  return stdout.trim();
}
