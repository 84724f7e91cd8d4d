/** For who runs the platform: the fleets, what they are told, the operator, and what room is left. */
import { type DashboardOptions, graph, number, type Section, stack, type Variable } from './grafana.ts';
import { operator, quantile } from './operator.ts';

export const gateways = 'gateway_namespace=~"$gateway_namespace",gateway=~"$gateway"';
/** Not those that an Envoy has for itself. */
export const listenerNames = 'https?-.+';
export const http = `${gateways},envoy_http_conn_manager_prefix=~"${listenerNames}"`;
const each = '{{gateway_namespace}}/{{gateway}}';

export const gatewayVariables: readonly Variable[] = [
  {
    name: 'gateway_namespace',
    label: 'Namespace',
    query: 'label_values(envoy_server_live, gateway_namespace)',
    all: '.+',
  },
  {
    name: 'gateway',
    label: 'ApiGateway',
    query: 'label_values(envoy_server_live{gateway_namespace=~"$gateway_namespace"}, gateway)',
    all: '.+',
  },
];

const fleet: Section = {
  title: 'Fleet',
  panels: [
    number({
      title: 'Gateways that lag',
      description:
        'ApiGateways of which a Ready Envoy does not serve what the objects say. Should be 0 but for seconds.',
      unit: 'none',
      alarm: 1,
      queries: [
        {
          expr: `count(evengate_gateway_programmed{${gateways}}) - sum(evengate_gateway_programmed{${gateways}})`,
          legend: 'gateways',
        },
      ],
    }),
    number({
      title: 'On their last good configuration',
      description:
        'ApiGateways whose Envoys refuse what the objects say. No change takes effect there until it is undone.',
      unit: 'none',
      alarm: 1,
      queries: [{ expr: `sum(evengate_gateway_rejected{${gateways}})`, legend: 'gateways' }],
    }),
    number({
      title: 'Objects not ready',
      description: 'Of all kinds and namespaces. The section Objects says which and why.',
      unit: 'none',
      alarm: 1,
      queries: [{ expr: 'sum(evengate_objects{state!="ready"})', legend: 'objects' }],
    }),
    number({
      title: 'Leaders',
      description: 'One replica works, the others stand by. Empty where replicas are not elected.',
      unit: 'none',
      need: 1,
      queries: [{ expr: 'sum by (name) (leader_election_master_status{name=~"evengate-.+"})', legend: '{{name}}' }],
    }),
    number({
      title: 'First certificate ends in',
      description: 'Of all certificates that the Envoys serve.',
      unit: 's',
      need: 1_209_600,
      queries: [
        {
          expr: `min(envoy_listener_ssl_certificate_expiration_unix_time_seconds{${gateways}}) - time()`,
          legend: 'time left',
        },
      ],
    }),
    number({
      title: 'Operators',
      description: 'Replicas by version; two versions only while it is being upgraded.',
      unit: 'none',
      queries: [{ expr: 'count by (version, class) (evengate_build_info)', legend: '{{version}} ({{class}})' }],
    }),
    graph({
      title: 'Envoys',
      description:
        'Pods that are wanted, that are Ready, and that have acknowledged what is in place. All three agree at rest.',
      unit: 'none',
      queries: [
        {
          expr: `sum by (gateway_namespace, gateway, state) (evengate_gateway_pods{${gateways}})`,
          legend: `${each} {{state}}`,
        },
      ],
    }),
    graph({
      title: 'Time since Envoys started',
      description: 'Falls to 0 where one is restarted.',
      unit: 's',
      queries: [{ expr: `envoy_server_uptime{${gateways}}`, legend: `${each} {{pod}}` }],
    }),
    graph({
      title: 'Requests',
      description: 'That Envoys have answered, a second.',
      unit: 'reqps',
      queries: [
        {
          expr: `sum by (gateway_namespace, gateway) (rate(envoy_http_downstream_rq_xx{${http}}[$__rate_interval]))`,
          legend: each,
        },
      ],
    }),
  ],
};

const revisions: Section = {
  title: 'Revisions',
  panels: [
    graph({
      title: 'Age of what is served',
      description: 'Time since all Ready Envoys acknowledged the last publication. It grows where nothing changes.',
      unit: 's',
      queries: [{ expr: `time() - evengate_gateway_served_timestamp_seconds{${gateways}}`, legend: each }],
    }),
    graph({
      title: 'Time of a publication',
      description: 'From a change that is resolved until the Envoys have answered: half of them, and 99 of 100.',
      unit: 's',
      queries: [
        { expr: quantile(0.5, 'evengate_publication_seconds', ''), legend: 'half' },
        { expr: quantile(0.99, 'evengate_publication_seconds', ''), legend: '99 %' },
      ],
    }),
    stack({
      title: 'Publications',
      description: 'By answer: pending is given to Envoys that are late, refused is withdrawn.',
      unit: 'ops',
      queries: [
        { expr: 'sum by (result) (rate(evengate_publication_seconds_count[$__rate_interval]))', legend: '{{result}}' },
      ],
    }),
    graph({
      title: 'Rejections',
      description: 'Publications that an Envoy refused, or that did not fit.',
      unit: 'short',
      alarm: 1,
      queries: [{ expr: `increase(evengate_gateway_rejections_total{${gateways}}[$__rate_interval])`, legend: each }],
    }),
    graph({
      title: 'Versions of a route table',
      description:
        'How many versions the Envoys of a gateway serve at a time. More than one for a few seconds after a change.',
      unit: 'none',
      alarm: 2,
      queries: [
        {
          expr: `count by (gateway_namespace, gateway, envoy_rds_route_config) (count by (gateway_namespace, gateway, envoy_rds_route_config, version) (count_values by (gateway_namespace, gateway, envoy_rds_route_config) ("version", envoy_http_rds_version{${gateways}})))`,
          legend: `${each} {{envoy_rds_route_config}}`,
        },
      ],
    }),
    graph({
      title: 'Room for configuration that is used',
      description:
        'Beyond 1 changes are refused (ConfigTooLarge): move Routes to another listener or ApiGateway before.',
      unit: 'percentunit',
      alarm: 0.8,
      queries: [{ expr: `evengate_gateway_config_usage_ratio{${gateways}}`, legend: each }],
    }),
  ],
};

const objects: Section = {
  title: 'Objects',
  panels: [
    stack({
      title: 'Objects by state',
      description:
        'invalid and blocked ones answer 500 or 403 where they stood; degraded ones do part of what they say.',
      unit: 'none',
      queries: [{ expr: 'sum by (kind, state) (evengate_objects) > 0', legend: '{{kind}} {{state}}' }],
    }),
    stack({
      title: 'Findings',
      description:
        'What is wrong, by reason; docs/reference/findings.md explains each, evengate status names the objects.',
      unit: 'none',
      queries: [{ expr: 'sum by (reason, severity) (evengate_findings)', legend: '{{reason}} ({{severity}})' }],
    }),
    stack({
      title: 'Policies by enforcement',
      description:
        'Where policies are enforced, and those that are not: shadow ones only count, failed ones close what they guard.',
      unit: 'none',
      queries: [
        { expr: 'sum by (kind, layer, state) (evengate_policy_enforcement)', legend: '{{kind}} {{layer}} {{state}}' },
      ],
    }),
  ],
};

const capacity: Section = {
  title: 'Capacity of the Envoys',
  panels: [
    graph({
      title: 'Connections',
      description: 'Open ones of callers. An Envoy takes 50,000.',
      unit: 'conn',
      queries: [
        {
          expr: `sum by (gateway_namespace, gateway, pod) (envoy_http_downstream_cx_active{${http}})`,
          legend: `${each} {{pod}}`,
        },
      ],
    }),
    graph({
      title: 'Memory',
      description:
        'Allocated by each Envoy. At 95 % of what it may use it gives memory back, at 98 % it refuses requests.',
      unit: 'bytes',
      queries: [{ expr: `envoy_server_memory_allocated{${gateways}}`, legend: `${each} {{pod}}` }],
    }),
    graph({
      title: 'Turned away',
      description:
        'Connections over the limit of an Envoy, and requests over the limits of a Service (1,024 at a time).',
      unit: 'reqps',
      alarm: 1,
      queries: [
        {
          expr: `sum by (gateway_namespace, gateway) (rate(envoy_listener_downstream_global_cx_overflow{${gateways}}[$__rate_interval]))`,
          legend: `${each} connections`,
        },
        {
          expr: `sum by (gateway_namespace, gateway) (rate(envoy_cluster_upstream_rq_pending_overflow{${gateways}}[$__rate_interval]) + rate(envoy_cluster_upstream_cx_overflow{${gateways}}[$__rate_interval]))`,
          legend: `${each} requests`,
        },
      ],
    }),
  ],
};

export const platform: DashboardOptions = {
  uid: 'evengate-platform',
  title: 'Evengate / Platform',
  description: 'Fleets of Envoy, what they are told, the operator, and what room is left.',
  variables: gatewayVariables,
  sections: [fleet, revisions, objects, operator, capacity],
};
