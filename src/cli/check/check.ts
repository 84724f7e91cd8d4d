/** `evengate check`: whether an operator has what it needs, and works. */
import { examine } from '../../controllers/preflight/examine.ts';
import { type Finding, isUnreachable } from '../../controllers/preflight/finding.ts';
import {
  argumentOf,
  checkGateways,
  findInstalled,
  hasFlag,
  type Installed,
  judgeInstalled,
  leaseName,
} from '../../controllers/preflight/installed.ts';
import { isProblem } from '../../controllers/preflight/preflight.ts';
import { checkReferenceGrants } from '../../controllers/preflight/reference-grants.ts';
import { ownRights, rightsOfAccount } from '../../controllers/preflight/reviews.ts';
import type { MissingRights } from '../../controllers/preflight/rights.ts';
import { leaseNamespacesOf, Rivals } from '../../controllers/preflight/rivals.ts';
import { ApiError } from '../../kube/client.ts';
import { systemClock } from '../../runtime/clock.ts';
import { KubeconfigError } from '../../runtime/kubeconfig.ts';
import { evengateVersion } from '../../version.ts';
import { type OpenCluster, openCluster } from '../cluster-options.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { complain, withProgress } from '../load.ts';
import { checkJson, checkText } from './report.ts';

export interface CheckOptions {
  readonly kubeconfig?: string;
  readonly context?: string;
  /** Of the operator; the pod's in a pod, else `evengate-system`. */
  readonly namespace?: string;
  readonly class: string;
  readonly watchNamespace?: readonly string[];
  readonly allNamespaces?: boolean;
  readonly readSecrets?: boolean;
  readonly secretNamespace?: readonly string[];
  readonly meshEnrolment?: boolean;
  /** Milliseconds. */
  readonly wait?: number;
  readonly output: 'text' | 'json';
}

const againMs = 2000;

export async function check(options: CheckOptions, io: Io): Promise<ExitCode> {
  let cluster: OpenCluster;
  try {
    cluster = await openCluster(options, io);
  } catch (error) {
    if (!(error instanceof KubeconfigError)) throw error;
    complain(io, error.message);
    return exitCodes.unusable;
  }
  try {
    const looking = settled(options, () => look(cluster, options));
    const findings = await withProgress(io, `checking ${cluster.server}`, looking);
    io.stdout.write(options.output === 'json' ? checkJson(findings) : checkText(findings, io.stdout));
    if (isUnreachable(findings)) return exitCodes.unusable;
    return findings.some(isProblem) ? exitCodes.findings : exitCodes.done;
  } finally {
    await cluster.close();
  }
}

/** Looks until nothing is wrong, for as long as `wait` says; what was seen last. */
async function settled(
  { wait = 0 }: CheckOptions,
  ask: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  const end = systemClock.monotonic() + wait;
  for (;;) {
    const findings = await ask();
    if (!findings.some(isProblem) || systemClock.monotonic() + againMs > end) return findings;
    await systemClock.sleep(againMs);
  }
}

async function look(cluster: OpenCluster, options: CheckOptions): Promise<readonly Finding[]> {
  try {
    return await examined(cluster, options);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return [{ check: 'api-server', level: 'problem', said: error.message }];
  }
}

async function examined(cluster: OpenCluster, options: CheckOptions): Promise<readonly Finding[]> {
  const { client, inCluster } = cluster;
  const className = options.class;
  const namespace = options.namespace ?? (inCluster ? cluster.ownNamespace : 'evengate-system');
  const place = { namespace, className };
  const installed = await findInstalled(client, place);
  const settings = settingsOf(installed, options);
  const missing = isTold(installed, options) ? reviewer(cluster, { namespace, installed }) : undefined;
  const lease = `${namespace}/${leaseName(className)}`;
  const rivals = new Rivals({ client, clock: systemClock, className, namespaces: settings.namespaces, lease });
  const [base, grants, gateways] = await Promise.all([
    examine({ client, className, ...settings, rivals, missing: missing ?? nobody, leaseNamespace: namespace }),
    checkReferenceGrants(client),
    checkGateways(client, { className, namespaces: settings.namespaces }),
  ]);
  const asker = { version: evengateVersion(), now: systemClock.now() };
  const rights =
    missing === undefined ? [...base.filter(({ check: name }) => name !== 'rights'), unknownRights(namespace)] : base;
  return [...rights, ...grants, ...judgeInstalled(installed, place, asker), ...gateways];
}

/** What the options leave unsaid is taken from the operator that is there. */
function settingsOf({ deployment, lease }: Installed, options: CheckOptions) {
  const args = (name: string) => {
    const values = typeof deployment === 'object' ? argumentOf(deployment, name) : [];
    return values.length > 0 ? values : undefined;
  };
  const told = typeof lease === 'object' ? leaseNamespacesOf(lease) : undefined;
  const secretNamespaces = options.secretNamespace ?? args('secret-namespace');
  const has = (name: string) => typeof deployment === 'object' && hasFlag(deployment, name);
  const readsAll = options.readSecrets ?? has('read-secrets');
  return {
    namespaces: options.allNamespaces ? undefined : (options.watchNamespace ?? args('watch-namespace') ?? told),
    readSecrets: readsAll || secretNamespaces !== undefined,
    secretNamespaces,
    meshEnrolment: options.meshEnrolment ?? has('mesh-enrolment'),
  };
}

const nobody: MissingRights = () => Promise.resolve([]);

function unknownRights(namespace: string): Finding {
  const said = `which rights the operator needs is not known, for neither a Deployment nor a Lease of ${namespace} tells what it watches`;
  return { check: 'rights', level: 'unknown', said };
}

/** Where it watches, so that its rights are asked for there. */
function isTold({ deployment, lease }: Installed, { watchNamespace, allNamespaces }: CheckOptions): boolean {
  return (
    allNamespaces === true ||
    watchNamespace !== undefined ||
    typeof deployment === 'object' ||
    typeof lease === 'object'
  );
}

/** In a pod our rights are the operator's; elsewhere those of its account are asked for. */
function reviewer(
  { client, inCluster }: OpenCluster,
  { namespace, installed: { deployment } }: { readonly namespace: string; readonly installed: Installed },
): MissingRights | undefined {
  if (inCluster) return ownRights(client);
  if (typeof deployment !== 'object') return undefined;
  const name = deployment.spec?.template?.spec?.serviceAccountName ?? 'default';
  return rightsOfAccount(client, { namespace, name });
}
