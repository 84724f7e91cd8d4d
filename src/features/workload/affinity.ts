/** `workload.template.affinity`: core/v1 Affinity. */
import { z } from 'zod';
import { onlyWith } from '../../schema/choice.ts';
import { field, labelKey, labelName, labelSelector, labelValue, objectName } from '../../schema/fields.ts';

const weight = field(z.int().min(1).max(100), 'How much it counts beside the others.', 100);

const nodeRequirement = onlyWith(
  z.strictObject({
    key: field(labelKey, 'Label key.', 'topology.kubernetes.io/zone'),
    operator: field(
      z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt']),
      'How the node’s value is compared with `values`; Gt and Lt take one integer, Exists and DoesNotExist none.',
      'In',
    ),
    values: field(z.array(labelValue).min(1).max(64).optional(), 'Values to compare with.', ['eu-1a']),
  }),
  'values',
  ['operator', 'In', 'NotIn', 'Gt', 'Lt'],
);

const nodeName = z.strictObject({
  key: field(z.enum(['metadata.name']), 'Always metadata.name: there is no other field.', 'metadata.name'),
  operator: field(z.enum(['In', 'NotIn']), 'Whether it is to be that node or any other.', 'NotIn'),
  values: field(z.array(objectName).min(1).max(1), 'Name of one node.', ['node-7']),
});

const nodeTerm = z.strictObject({
  matchExpressions: field(
    z.array(nodeRequirement).max(16).optional(),
    'Requirements on the node’s labels that must all hold.',
    [{ key: 'topology.kubernetes.io/zone', operator: 'In', values: ['eu-1a'] }],
  ),
  matchFields: field(z.array(nodeName).max(16).optional(), 'Requirements on the node’s fields that must all hold.', [
    { key: 'metadata.name', operator: 'NotIn', values: ['node-7'] },
  ]),
});

const podTerm = z.strictObject({
  topologyKey: field(
    labelKey,
    'Label of nodes; those with the same value are one place.',
    'topology.kubernetes.io/zone',
  ),
  labelSelector: field(labelSelector.optional(), 'Which Pods; none when absent.', { matchLabels: { app: 'cache' } }),
  namespaces: field(z.array(labelName).max(16).optional(), 'Where the Pods are; beside the gateway when absent.', [
    'shop',
  ]),
  namespaceSelector: field(labelSelector.optional(), 'Namespaces by their labels, beside `namespaces`.', {
    matchLabels: { team: 'shop' },
  }),
});

const weightedPodTerm = z.strictObject({
  weight,
  podAffinityTerm: field(podTerm, 'Pods to be near to, or apart from.', { topologyKey: 'kubernetes.io/hostname' }),
});

const required = 'requiredDuringSchedulingIgnoredDuringExecution';
const preferred = 'preferredDuringSchedulingIgnoredDuringExecution';

const toPods = z.strictObject({
  [required]: field(z.array(podTerm).max(16).optional(), 'All must hold.', [{ topologyKey: 'kubernetes.io/hostname' }]),
  [preferred]: field(z.array(weightedPodTerm).max(16).optional(), 'Better nodes, by weight.', []),
});

const toNodes = z.strictObject({
  [required]: field(
    z
      .strictObject({
        nodeSelectorTerms: field(z.array(nodeTerm).min(1).max(16), 'One of these must hold.', [
          { matchExpressions: [{ key: 'kubernetes.io/arch', operator: 'In', values: ['amd64'] }] },
        ]),
      })
      .optional(),
    'What a node must be.',
    { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/arch', operator: 'Exists' }] }] },
  ),
  [preferred]: field(
    z
      .array(z.strictObject({ weight, preference: field(nodeTerm, 'What the node should be.', {}) }))
      .max(16)
      .optional(),
    'Better nodes, by weight.',
    [],
  ),
});

export const affinitySchema = z.strictObject({
  nodeAffinity: field(toNodes.optional(), 'Which nodes.', {}),
  podAffinity: field(toPods.optional(), 'Near which Pods.', {}),
  podAntiAffinity: field(toPods.optional(), 'Apart from which Pods.', {}),
});
