/** How an operator that is installed is doing, as far as whoever asks may read that. */
import { classOf, defaultClass } from '../../ir/class-name.ts';
import { ApiError, type Client } from '../../kube/client.ts';
import { type Condition, describeRef, type KubeObject, objectKey, refOf } from '../../kube/object.ts';
import { resources } from '../../kube/resources.ts';
import { type Finding, some } from './finding.ts';
import { type Lease, leaseClassLabel, leaseVersionAnnotation } from './rivals.ts';

export interface Deployment extends KubeObject {
  readonly spec?: {
    readonly replicas?: number;
    readonly template?: {
      readonly spec?: {
        readonly serviceAccountName?: string;
        readonly containers?: readonly { readonly name: string; readonly args?: readonly string[] }[];
      };
    };
  };
  readonly status?: { readonly readyReplicas?: number };
}

/** `undefined` of either: there is none; `forbidden`: nobody may tell us. */
export interface Installed {
  readonly deployment: Deployment | undefined | 'forbidden';
  readonly lease: Lease | undefined | 'forbidden';
}

export interface Place {
  /** Of the operator. */
  readonly namespace: string;
  readonly className: string;
}

export async function findInstalled(client: Client, { namespace, className }: Place): Promise<Installed> {
  const labelSelector = 'app.kubernetes.io/name=evengate';
  const [deployments, lease] = await Promise.all([
    readable(client.list<Deployment>(resources.Deployment, { namespace, labelSelector })),
    readable(client.get<Lease>(resources.Lease, { namespace, name: leaseName(className) })),
  ]);
  const serves = (one: Deployment) => (argumentOf(one, 'class')[0] ?? defaultClass) === className;
  return { deployment: deployments === 'forbidden' ? deployments : deployments.find(serves), lease };
}

export function leaseName(className: string): string {
  return `evengate-${className}`;
}

/** ConfigMap beside the Lease, with keys that were fetched. */
export function keysName(className: string): string {
  return `evengate-keys-${className}`;
}

/** What `--name=value`, or `--name value…`, of the operator says. */
export function argumentOf({ spec }: Deployment, name: string): readonly string[] {
  const all = (spec?.template?.spec?.containers ?? []).flatMap(({ args = [] }) => args);
  return all.flatMap((word, index) => {
    if (word.startsWith(`--${name}=`)) return [word.slice(name.length + 3)];
    if (word !== `--${name}`) return [];
    const rest = all.slice(index + 1);
    const end = rest.findIndex((next) => next.startsWith('--'));
    return rest.slice(0, end < 0 ? rest.length : end);
  });
}

export function hasFlag({ spec }: Deployment, name: string): boolean {
  return (spec?.template?.spec?.containers ?? []).some(({ args = [] }) => args.includes(`--${name}`));
}

async function readable<T>(answer: Promise<T>): Promise<T | 'forbidden'> {
  return await answer.catch((error: unknown) => {
    if (error instanceof ApiError && error.code === 403) return 'forbidden';
    throw error;
  });
}

/** `version` of who asks; `now` in milliseconds since the epoch. */
export function judgeInstalled(
  { deployment, lease }: Installed,
  place: Place,
  asker: { readonly version: string; readonly now: number },
): readonly Finding[] {
  if (deployment === undefined && lease === undefined) return [notInstalled(place)];
  return [judgeDeployment(deployment, place), ...judgeLease(lease, place, asker)];
}

function notInstalled({ namespace, className }: Place): Finding {
  return {
    check: 'operator',
    level: 'problem',
    said: `no operator of class ${className} is installed in namespace ${namespace}`,
    remedy: `install it: helm install evengate, or evengate install -n ${namespace} | kubectl apply --server-side -f -; or name its namespace with -n`,
  };
}

function judgeDeployment(deployment: Installed['deployment'], { namespace, className }: Place): Finding {
  const check = 'operator';
  if (deployment === 'forbidden') {
    const said = `whether the Pods of the operator are Ready is not known, for Deployments of ${namespace} may not be listed`;
    return { check, level: 'unknown', said };
  }
  if (deployment === undefined) {
    return {
      check,
      level: 'info',
      said: `namespace ${namespace} has no Deployment of class ${className}: its operator runs elsewhere`,
    };
  }
  const { replicas = 1 } = deployment.spec ?? {};
  const { readyReplicas = 0 } = deployment.status ?? {};
  const said = `${describeRef(refOf(deployment))} has ${readyReplicas} of ${replicas} Pods Ready`;
  if (readyReplicas >= replicas && replicas > 0) return { check, level: 'ok', said };
  const remedy = `read what they say: kubectl logs -n ${namespace} deployment/${deployment.metadata.name}`;
  return { check, level: readyReplicas > 0 ? 'warning' : 'problem', said, remedy };
}

function judgeLease(
  lease: Installed['lease'],
  { namespace, className }: Place,
  { version, now }: { readonly version: string; readonly now: number },
): readonly Finding[] {
  const check = 'operator';
  const name = `Lease ${namespace}/${leaseName(className)}`;
  if (lease === 'forbidden')
    return [{ check, level: 'unknown', said: `whether an operator leads is not known, for ${name} may not be read` }];
  const holder = lease?.spec?.holderIdentity ?? '';
  if (lease === undefined || holder === '' || !isFresh(lease, now)) {
    const why =
      lease === undefined
        ? 'is not there'
        : holder === ''
          ? 'has no holder'
          : `was last renewed by ${holder} at ${lease.spec?.renewTime}`;
    const remedy = `read what its Pods say: kubectl logs -n ${namespace} -l app.kubernetes.io/name=evengate`;
    return [{ check, level: 'problem', said: `no operator leads: ${name} ${why}`, remedy }];
  }
  const theirs = lease.metadata.annotations?.[leaseVersionAnnotation];
  const leads: Finding = {
    check,
    level: 'ok',
    said: `${holder} leads${theirs === undefined ? '' : `, version ${theirs}`}`,
  };
  if (theirs === undefined || theirs === version) return [leads];
  const differs: Finding = {
    check,
    level: 'warning',
    said: `the operator is version ${theirs}, and what checks it is version ${version}`,
    remedy: `use evengate ${theirs}, or upgrade the operator: helm upgrade evengate`,
  };
  return [leads, differs];
}

/** Clocks of two machines may differ by this much. */
const toleranceMs = 60_000;

function isFresh({ spec = {} }: Lease, now: number): boolean {
  const { renewTime = '', leaseDurationSeconds = 15 } = spec;
  return now - Date.parse(renewTime) < leaseDurationSeconds * 1000 + toleranceMs;
}

interface Gateway extends KubeObject {
  readonly status?: { readonly conditions?: readonly Condition[] };
}

/** Those of the class, and classes that nobody serves. */
export async function checkGateways(
  client: Client,
  { className, namespaces }: { readonly className: string; readonly namespaces: readonly string[] | undefined },
): Promise<readonly Finding[]> {
  const check = 'gateways';
  try {
    const lists = (namespaces ?? [undefined]).map((namespace) =>
      client.list<Gateway>(resources.ApiGateway, namespace === undefined ? {} : { namespace }),
    );
    const gateways = (await Promise.all(lists)).flat();
    const own = gateways.filter((gateway) => classOf(gateway) === className);
    const others = gateways.filter((gateway) => classOf(gateway) !== className);
    return [...judgeGateways(own, className), ...(await unserved(client, others))];
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // That their CRD is missing was said.
    if (error.code === 404) return [];
    if (error.code !== 403) throw error;
    return [{ check, level: 'unknown', said: 'how ApiGateways are doing is not known, for they may not be listed' }];
  }
}

function judgeGateways(gateways: readonly Gateway[], className: string): readonly Finding[] {
  const check = 'gateways';
  const found = gateways.flatMap((gateway): readonly Finding[] => {
    const programmed = gateway.status?.conditions?.find(({ type }) => type === 'Programmed');
    const isNow = programmed?.status === 'True' && programmed.observedGeneration === gateway.metadata.generation;
    if (isNow) return [];
    const why = programmed === undefined ? 'nobody has answered yet' : programmed.message;
    const { namespace = '', name } = gateway.metadata;
    const remedy = `see evengate status apigateway/${name} -n ${namespace}`;
    return [{ check, level: 'problem', said: `${describeRef(refOf(gateway))} is not Programmed: ${why}`, remedy }];
  });
  if (gateways.length === 0) return [{ check, level: 'info', said: `there is no ApiGateway of class ${className}` }];
  if (found.length > 0) return found;
  return [{ check, level: 'ok', said: `Programmed: ${some(gateways.map(objectKey).toSorted())}` }];
}

async function unserved(client: Client, gateways: readonly Gateway[]): Promise<readonly Finding[]> {
  if (gateways.length === 0) return [];
  const leases = await readable(client.list<Lease>(resources.Lease, { labelSelector: leaseClassLabel }));
  if (leases === 'forbidden') return [];
  const served = new Set(leases.map(({ metadata }) => metadata.labels?.[leaseClassLabel]));
  const byClass = Map.groupBy(
    gateways.filter((gateway) => !served.has(classOf(gateway))),
    classOf,
  );
  return [...byClass].map(([className, those]) => ({
    check: 'gateways',
    level: 'info',
    said: `no operator of class ${className} is known, which ${some(those.map(objectKey).toSorted())} asks for`,
  }));
}
