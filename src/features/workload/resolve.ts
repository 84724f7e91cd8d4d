/** Checks `workload`, and says what it leaves open. */
import type { Scale, Workload } from '../../ir/workload.ts';
import type { ObjectRef } from '../../kube/object.ts';
import type { Amounts, Quantity } from '../../kube/pods.ts';
import { milliseconds } from '../../schema/fields.ts';
import type { Finding } from '../../status/finding.ts';
import { labelKeys } from '../label-keys.ts';
import { amountOf } from './quantity.ts';
import type { WorkloadSpec } from './schema.ts';

const at = 'spec.workload';

/** Without a request, the scheduler would put any number of Envoys on one node, and no autoscaler could count. */
const usualRequests: Readonly<Record<string, string>> = { cpu: '100m', memory: '128Mi' };
const usualReplicas = 2;
const usualTarget = 80;
const longestDrainSeconds = 3600;

export function resolveWorkload(
  about: ObjectRef,
  spec: WorkloadSpec = {},
): { readonly workload: Workload; readonly findings: readonly Finding[] } {
  const { template = {} } = spec;
  const keys = (name: 'labels' | 'annotations' | 'nodeSelector') =>
    labelKeys(template[name], { about, at: `${at}.template.${name}` });
  const [labels, annotations, nodeSelector] = [keys('labels'), keys('annotations'), keys('nodeSelector')];
  const account = labelKeys(spec.serviceAccountAnnotations, { about, at: `${at}.serviceAccountAnnotations` });
  const resources = resolveResources(about, spec.resources);
  const drain = resolveDrain(about, spec.terminationDrainDuration);
  const scale = scaleOf(spec);
  return {
    workload: {
      scale,
      image: spec.image,
      ...resources.amounts,
      disruption: disruptionOf(spec, scale),
      drainSeconds: drain.seconds,
      serviceAccountAnnotations: account.kept,
      pods: {
        labels: labels.kept,
        annotations: annotations.kept,
        nodeSelector: nodeSelector.kept,
        tolerations: template.tolerations ?? [],
        affinity: template.affinity,
        spread: template.topologySpreadConstraints,
        priorityClassName: template.priorityClassName,
        imagePullSecrets: template.imagePullSecrets ?? [],
      },
    },
    findings: [
      ...[labels, annotations, nodeSelector, account].flatMap(({ findings }) => findings),
      ...resources.findings,
      ...drain.findings,
    ],
  };
}

function scaleOf({ replicas = usualReplicas, autoscaling }: WorkloadSpec): Scale {
  if (autoscaling === undefined) return { by: 'count', replicas };
  const { minReplicas, maxReplicas, behavior } = autoscaling;
  const targets = (['cpu', 'memory'] as const).flatMap((resource) => {
    const name = resource === 'cpu' ? 'targetCPUUtilizationPercentage' : 'targetMemoryUtilizationPercentage';
    const percentage = autoscaling[name];
    return percentage === undefined ? [] : [{ resource, percentage }];
  });
  return {
    by: 'autoscaler',
    minReplicas: minReplicas ?? Math.min(usualReplicas, maxReplicas),
    maxReplicas,
    targets: targets.length > 0 ? targets : [{ resource: 'cpu', percentage: usualTarget }],
    behavior,
  };
}

/** One of several may go; of a single one, an eviction is the only way to drain its node. */
function disruptionOf({ podDisruptionBudget: written }: WorkloadSpec, scale: Scale): Workload['disruption'] {
  if (written?.minAvailable !== undefined) return { minAvailable: written.minAvailable };
  if (written?.maxUnavailable !== undefined) return { maxUnavailable: written.maxUnavailable };
  const least = scale.by === 'count' ? scale.replicas : scale.minReplicas;
  return least > 1 ? { maxUnavailable: 1 } : undefined;
}

function resolveResources(about: ObjectRef, written: NonNullable<WorkloadSpec['resources']> = {}) {
  const [asked, most] = [present(written.requests), present(written.limits)];
  const usual = Object.entries(usualRequests).filter(([name]) => most[name] === undefined);
  const above = Object.entries(asked).flatMap(([name, request]) => {
    const limit = most[name];
    return limit === undefined || amountOf(request) <= amountOf(limit) ? [] : [{ name, request, limit }];
  });
  const requests = {
    ...Object.fromEntries(usual),
    ...asked,
    ...Object.fromEntries(above.map(({ name, limit }) => [name, limit])),
  };
  const findings = above.map(({ name, request, limit }) => {
    const message = `${request} of ${name} is more than the limit of ${limit}, which is requested instead`;
    const remedy = 'Request at most what the limit allows';
    return unsupported(about, `${at}.resources.requests.${name}`, { message, remedy });
  });
  const memory = most['memory'];
  const memoryLimit = memory === undefined ? undefined : amountOf(memory);
  return { amounts: { requests, limits: most, memoryLimit }, findings };
}

function present(amounts: Readonly<Record<string, Quantity | undefined>> = {}): Amounts {
  return Object.fromEntries(
    Object.entries(amounts).flatMap(([name, amount]) => (amount === undefined ? [] : [[name, amount]])),
  );
}

function resolveDrain(about: ObjectRef, written: string | undefined) {
  if (written === undefined) return { seconds: undefined, findings: [] };
  const seconds = Math.ceil(milliseconds(written) / 1000);
  if (seconds >= 1 && seconds <= longestDrainSeconds) return { seconds, findings: [] };
  const message = `${written} is not between 1s and 1h, so the usual 20s hold`;
  const remedy = 'Write a duration of at least 1s and at most 1h';
  return { seconds: undefined, findings: [unsupported(about, `${at}.terminationDrainDuration`, { message, remedy })] };
}

function unsupported(
  about: ObjectRef,
  where: string,
  sentence: { readonly message: string; readonly remedy: string },
): Finding {
  return { about, severity: 'error', reason: 'UnsupportedValue', at: where, ...sentence };
}
