/** `workload` of an ApiGateway: how its Envoys run. */
import { z } from 'zod';
import { atLeastOne, exactlyOne, notAbove, notBoth, notWith, onlyBeside } from '../../schema/choice.ts';
import { duration, field, labelKey, labelValue, objectName } from '../../schema/fields.ts';
import {
  countOrPercentage,
  extraAnnotations,
  extraLabels,
  imageName,
  quantity,
  wantedLabels,
} from '../../schema/pods.ts';
import { affinitySchema } from './affinity.ts';

const replicas = z.int().min(0).max(1000);
const percentage = z.int().min(1).max(1000);

const amounts = z.strictObject({
  cpu: field(quantity.optional(), 'CPUs.', '500m'),
  memory: field(quantity.optional(), 'Bytes of memory.', '256Mi'),
  'ephemeral-storage': field(quantity.optional(), 'Bytes of local disk, which holds logs.', '1Gi'),
});

const resources = z.strictObject({
  requests: field(
    amounts.optional(),
    'What is reserved for each Envoy. Where neither this nor a limit says, 100m of CPU and 128Mi of memory.',
    { cpu: '500m', memory: '256Mi' },
  ),
  limits: field(
    amounts.optional(),
    'What each Envoy may use at most. With a limit of memory, Envoy sheds load before it is killed for it.',
    { memory: '1Gi' },
  ),
});

const scalingPolicy = z.strictObject({
  type: field(z.enum(['Pods', 'Percent']), 'What `value` counts.', 'Pods'),
  value: field(z.int().min(1).max(1000), 'How many may come or go within the period.', 2),
  periodSeconds: field(z.int().min(1).max(1800), 'Length of the period.', 60),
});

const scalingRules = z.strictObject({
  stabilizationWindowSeconds: field(
    z.int().min(0).max(3600).optional(),
    'How far back recommendations are looked at, so that the number does not flap.',
    300,
  ),
  selectPolicy: field(z.enum(['Max', 'Min', 'Disabled']).optional(), 'Which policy decides; Max when absent.', 'Min'),
  policies: field(z.array(scalingPolicy).min(1).max(8).optional(), 'How fast it may go.', [
    { type: 'Pods', value: 2, periodSeconds: 60 },
  ]),
});

const autoscaling = notAbove(
  z.strictObject({
    minReplicas: field(z.int().min(1).max(1000).optional(), 'Never fewer Envoys; 2 when absent.', 2),
    maxReplicas: field(z.int().min(1).max(1000), 'Never more Envoys.', 10),
    targetCPUUtilizationPercentage: field(
      percentage.optional(),
      'Share of the requested CPU that they should use on average; 80 when no target is set.',
      75,
    ),
    targetMemoryUtilizationPercentage: field(
      percentage.optional(),
      'Share of the requested memory that they should use on average.',
      80,
    ),
    behavior: field(
      z
        .strictObject({
          scaleUp: field(scalingRules.optional(), 'How Envoys are added.', { stabilizationWindowSeconds: 0 }),
          scaleDown: field(scalingRules.optional(), 'How Envoys are taken away.', { stabilizationWindowSeconds: 300 }),
        })
        .optional(),
      'How fast their number changes.',
      { scaleDown: { stabilizationWindowSeconds: 300 } },
    ),
  }),
  ['minReplicas', 'maxReplicas'],
);

const podDisruptionBudget = exactlyOne(
  z.strictObject({
    minAvailable: field(countOrPercentage.optional(), 'How many must stay.', '50%'),
    maxUnavailable: field(countOrPercentage.optional(), 'How many may be missing.', 1),
  }),
  ['minAvailable', 'maxUnavailable'],
);

const taint = z.strictObject({
  key: field(labelKey.optional(), 'Key of the taint; every taint when absent, with operator Exists.', 'dedicated'),
  operator: field(z.enum(['Exists', 'Equal']).optional(), 'Equal (the default) compares the value.', 'Equal'),
  value: field(labelValue.optional(), 'Value of the taint.', 'edge'),
  effect: field(
    z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
    'Effect of the taint; all when absent.',
    'NoSchedule',
  ),
  tolerationSeconds: field(
    z.int().min(0).max(2_147_483_647).optional(),
    'How long a NoExecute taint is borne; for ever when absent.',
    300,
  ),
});

/** As the API server demands it of a Pod. */
const toleration = notWith(
  notWith(onlyBeside(atLeastOne(taint, ['key', 'operator']), ['value'], 'key'), ['value'], {
    tag: 'operator',
    fallback: 'Equal',
    values: ['Exists'],
  }),
  ['tolerationSeconds'],
  { tag: 'effect', fallback: 'NoSchedule', values: ['NoSchedule', 'PreferNoSchedule'] },
);

const spreadFields = z.strictObject({
  maxSkew: field(z.int().min(1).max(1000), 'How many more Envoys one place may have than another.', 1),
  topologyKey: field(labelKey, 'Label of nodes; those with one value are one place.', 'topology.kubernetes.io/zone'),
  whenUnsatisfiable: field(
    z.enum(['DoNotSchedule', 'ScheduleAnyway']),
    'Whether an Envoy that cannot be spread so has to wait.',
    'DoNotSchedule',
  ),
  minDomains: field(z.int().min(1).max(1000).optional(), 'Places that there have to be, with DoNotSchedule.', 3),
  nodeAffinityPolicy: field(
    z.enum(['Honor', 'Ignore']).optional(),
    'Whether nodes count that the Envoys may not run on.',
    'Honor',
  ),
  nodeTaintsPolicy: field(z.enum(['Honor', 'Ignore']).optional(), 'Whether tainted nodes count.', 'Honor'),
});

const spread = notWith(spreadFields, ['minDomains'], {
  tag: 'whenUnsatisfiable',
  fallback: 'DoNotSchedule',
  values: ['ScheduleAnyway'],
});

const samePlace = 'is the topologyKey of another entry with the same whenUnsatisfiable';

const spreads = z
  .array(spread)
  .max(8)
  .superRefine((entries, context) => {
    for (const [index, { topologyKey, whenUnsatisfiable }] of entries.entries()) {
      const first = entries.findIndex(
        (other) => other.topologyKey === topologyKey && other.whenUnsatisfiable === whenUnsatisfiable,
      );
      if (first === index) continue;
      const params = { remedy: 'Keep one of them' };
      context.addIssue({ code: 'custom', path: [index, 'topologyKey'], message: samePlace, params });
    }
  })
  .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['topologyKey', 'whenUnsatisfiable'] });

const template = z.strictObject({
  labels: field(extraLabels.optional(), 'Labels of the Pods, beside ours.', { 'example.com/team': 'edge' }),
  annotations: field(extraAnnotations.optional(), 'Annotations of the Pods, beside ours.', {
    'example.com/contact': 'edge@example.com',
  }),
  nodeSelector: field(wantedLabels.optional(), 'Labels that a node must have.', { 'kubernetes.io/arch': 'amd64' }),
  tolerations: field(z.array(toleration).max(32).optional(), 'Taints that the Pods bear.', [
    { key: 'dedicated', value: 'edge', effect: 'NoSchedule' },
  ]),
  affinity: field(affinitySchema.optional(), 'Where the Pods should run.', {}),
  topologySpreadConstraints: field(
    spreads.optional(),
    'How the Envoys of this gateway are spread; over zones and nodes as far as possible when absent.',
    [{ maxSkew: 1, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'DoNotSchedule' }],
  ),
  priorityClassName: field(objectName.optional(), 'PriorityClass of the Pods.', 'edge'),
  imagePullSecrets: field(
    z
      .array(z.strictObject({ name: field(objectName, 'Name of a Secret beside the gateway.', 'registry') }))
      .max(16)
      .optional(),
    'Secrets that the image is pulled with.',
    [{ name: 'registry' }],
  ),
});

export const workloadSchema = notBoth(
  z.strictObject({
    replicas: field(replicas.optional(), 'Number of Envoys; 2 when absent.', 3),
    image: field(
      imageName.optional(),
      'Image with Envoy 1.40 or newer; the operator’s own choice when absent.',
      'registry.example.com/envoy:distroless-v1.40.0',
    ),
    resources: field(resources.optional(), 'CPU and memory of each Envoy.', { limits: { memory: '1Gi' } }),
    autoscaling: field(autoscaling.optional(), 'Lets a HorizontalPodAutoscaler choose the number of Envoys.', {
      minReplicas: 2,
      maxReplicas: 10,
    }),
    podDisruptionBudget: field(
      podDisruptionBudget.optional(),
      'How many Envoys evictions must leave; without it all but one, where there are several.',
      { minAvailable: '50%' },
    ),
    terminationDrainDuration: field(
      duration.optional(),
      'How long an Envoy that has to end still serves, with failing health checks, so that load balancers notice; at most 1h, and 20s when absent.',
      '30s',
    ),
    serviceAccountAnnotations: field(
      extraAnnotations.optional(),
      'Annotations of the ServiceAccount, which clouds grant rights by.',
      { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::111122223333:role/edge' },
    ),
    template: field(template.optional(), 'More of the Pods that its Envoys run in.', {
      nodeSelector: { 'kubernetes.io/arch': 'amd64' },
    }),
  }),
  ['replicas', 'autoscaling'],
);

export type WorkloadSpec = z.infer<typeof workloadSchema>;
