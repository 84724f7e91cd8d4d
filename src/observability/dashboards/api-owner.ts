/** For who owns an API: its requests, who was refused, and how its Services answer. */
import { type DashboardOptions, graph, number, type Section, stack } from './grafana.ts';
import { gateways, gatewayVariables, listenerNames } from './platform.ts';

const listener = `${gateways},envoy_http_conn_manager_prefix=~"$listener"`;
/** Not what keys are fetched from, or spans sent to. */
const serviceNames = '[^/]+/[^/]+/[0-9]+';
const service = `${gateways},envoy_cluster_name=~"$service"`;

function rate(metric: string, selector: string, by?: string): string {
  const sum = by === undefined ? 'sum' : `sum by (${by})`;
  return `${sum} (rate(${metric}{${selector}}[$__rate_interval]))`;
}

function quantile(share: number, metric: string, selector: string, by = ''): string {
  const labels = by === '' ? 'le' : `le, ${by}`;
  return `histogram_quantile(${share}, ${rate(`${metric}_bucket`, selector, labels)})`;
}

const answers = 'envoy_http_downstream_rq_xx';
const errors = `${listener},envoy_response_code_class="5"`;
const denials = [
  {
    expr: rate('envoy_http_jwt_authn_denied', listener, 'envoy_http_conn_manager_prefix'),
    legend: '{{envoy_http_conn_manager_prefix}} no valid token (401)',
  },
  {
    expr: rate(
      'envoy_http_rbac_denied',
      `${listener},envoy_rbac_http_prefix="deny_"`,
      'envoy_http_conn_manager_prefix',
    ),
    legend: '{{envoy_http_conn_manager_prefix}} denied by a rule, or a bad token',
  },
  {
    expr: rate(
      'envoy_http_rbac_denied',
      `${listener},envoy_rbac_http_prefix="allow_"`,
      'envoy_http_conn_manager_prefix',
    ),
    legend: '{{envoy_http_conn_manager_prefix}} allowed by no rule (403)',
  },
];

const now: Section = {
  title: 'Now',
  panels: [
    number({
      title: 'Requests',
      description: 'That were answered, a second.',
      unit: 'reqps',
      queries: [{ expr: rate(answers, listener), legend: 'requests' }],
    }),
    number({
      title: 'Failed',
      description: 'Share of answers with 5xx, of Services and of Envoy itself.',
      unit: 'percentunit',
      alarm: 0.001,
      queries: [{ expr: `${rate(answers, errors)} / ${rate(answers, listener)}`, legend: '5xx' }],
    }),
    number({
      title: '99 of 100 within',
      description: 'From the first byte of a request to the last of its answer.',
      unit: 'ms',
      queries: [{ expr: quantile(0.99, 'envoy_http_downstream_rq_time', listener), legend: 'time' }],
    }),
    number({
      title: 'Denied',
      description: 'Requests a second that AuthPolicies refused.',
      unit: 'reqps',
      queries: [
        {
          expr: `${rate('envoy_http_rbac_denied', `${listener},envoy_rbac_http_prefix=~"allow_|deny_"`)} + ${rate('envoy_http_jwt_authn_denied', listener)}`,
          legend: 'denied',
        },
      ],
    }),
    number({
      title: 'Limited',
      description: 'Requests a second that RateLimitPolicies refused (429), of the whole ApiGateway.',
      unit: 'reqps',
      queries: [{ expr: rate('envoy_http_local_rate_limit_enforced', gateways), legend: 'limited' }],
    }),
    number({
      title: 'Routes not ready',
      description: 'Of the whole cluster. kubectl get routes -A names them, and the condition Ready says why.',
      unit: 'none',
      alarm: 1,
      queries: [{ expr: 'sum(evengate_objects{kind="Route",state!="ready"})', legend: 'Routes' }],
    }),
  ],
};

const callers: Section = {
  title: 'Callers',
  panels: [
    stack({
      title: 'Answers',
      description:
        'By listener and class of status. 4xx are callers’ mistakes, refusals (see Denied, Limited), or hosts and paths without a Route.',
      unit: 'reqps',
      queries: [
        {
          expr: rate(answers, listener, 'envoy_http_conn_manager_prefix, envoy_response_code_class'),
          legend: '{{envoy_http_conn_manager_prefix}} {{envoy_response_code_class}}xx',
        },
      ],
    }),
    graph({
      title: 'Share of 5xx',
      description: 'By listener. The dashed line is an error budget of 0.1 %.',
      unit: 'percentunit',
      alarm: 0.001,
      queries: [
        {
          expr: `${rate(answers, errors, 'envoy_http_conn_manager_prefix')} / ${rate(answers, listener, 'envoy_http_conn_manager_prefix')}`,
          legend: '{{envoy_http_conn_manager_prefix}}',
        },
      ],
    }),
    graph({
      title: 'Time of a request',
      description: 'At the edge, from its first byte to the last of its answer: half of them, 95 and 99 of 100.',
      unit: 'ms',
      queries: [
        { expr: quantile(0.5, 'envoy_http_downstream_rq_time', listener), legend: 'half' },
        { expr: quantile(0.95, 'envoy_http_downstream_rq_time', listener), legend: '95 %' },
        { expr: quantile(0.99, 'envoy_http_downstream_rq_time', listener), legend: '99 %' },
      ],
    }),
  ],
};

const refusals: Section = {
  title: 'Denied and limited',
  panels: [
    stack({
      title: 'Denied',
      description:
        'By listener and by what refused them. The access log names the Route, the policy and the rule of each.',
      unit: 'reqps',
      queries: denials,
    }),
    stack({
      title: 'Limited',
      description:
        'Requests that a RateLimitPolicy refused (429), and those that passed one. The access log names the Route.',
      unit: 'reqps',
      queries: [
        {
          expr: rate('envoy_http_local_rate_limit_enforced', gateways, 'gateway_namespace, gateway'),
          legend: '{{gateway_namespace}}/{{gateway}} limited',
        },
        {
          expr: rate('envoy_http_local_rate_limit_ok', gateways, 'gateway_namespace, gateway'),
          legend: '{{gateway_namespace}}/{{gateway}} passed',
        },
      ],
    }),
    graph({
      title: 'Would have been refused',
      description: 'By policies and limits in mode Shadow. At 0 for days, they can be enforced.',
      unit: 'reqps',
      queries: [
        {
          expr: rate(
            'envoy_http_rbac_shadow_denied',
            `${listener},envoy_rbac_http_prefix=~"shadow_.+"`,
            'envoy_http_conn_manager_prefix',
          ),
          legend: '{{envoy_http_conn_manager_prefix}} policies',
        },
        {
          expr: rate('envoy_http_local_rate_limit_shadow_mode', gateways, 'gateway_namespace, gateway'),
          legend: '{{gateway_namespace}}/{{gateway}} limits',
        },
      ],
    }),
  ],
};

const services: Section = {
  title: 'Services',
  panels: [
    graph({
      title: 'Requests',
      description: 'By Service (namespace/name/port).',
      unit: 'reqps',
      queries: [
        {
          expr: rate('envoy_cluster_upstream_rq_total', service, 'envoy_cluster_name'),
          legend: '{{envoy_cluster_name}}',
        },
      ],
    }),
    graph({
      title: 'Failed requests',
      description: 'Answers with 5xx, and those that came too late or not at all.',
      unit: 'reqps',
      queries: [
        {
          expr: rate('envoy_cluster_upstream_rq_xx', `${service},envoy_response_code_class="5"`, 'envoy_cluster_name'),
          legend: '{{envoy_cluster_name}} 5xx',
        },
        {
          expr: rate('envoy_cluster_upstream_rq_timeout', service, 'envoy_cluster_name'),
          legend: '{{envoy_cluster_name}} too late',
        },
        {
          expr: rate('envoy_cluster_upstream_cx_connect_fail', service, 'envoy_cluster_name'),
          legend: '{{envoy_cluster_name}} no connection',
        },
      ],
    }),
    graph({
      title: 'Time of an answer',
      description: 'Of the Service alone; 95 of 100 are faster. What the edge adds is in the time of a request.',
      unit: 'ms',
      queries: [
        {
          expr: quantile(0.95, 'envoy_cluster_upstream_rq_time', service, 'envoy_cluster_name'),
          legend: '{{envoy_cluster_name}}',
        },
      ],
    }),
    graph({
      title: 'Endpoints',
      description: 'That an Envoy knows of a Service: 1 for a Service with a ClusterIP, 0 where its name is not known.',
      unit: 'none',
      need: 1,
      queries: [
        {
          expr: `min by (envoy_cluster_name) (envoy_cluster_membership_healthy{${service}})`,
          legend: '{{envoy_cluster_name}}',
        },
      ],
    }),
    graph({
      title: 'Retries',
      description: 'A second. They are at most a fifth of what is under way.',
      unit: 'reqps',
      queries: [
        {
          expr: rate('envoy_cluster_upstream_rq_retry', service, 'envoy_cluster_name'),
          legend: '{{envoy_cluster_name}}',
        },
      ],
    }),
    graph({
      title: 'Under way',
      description: 'Requests that a Service has not answered yet. Envoy turns away what is over 1,024.',
      unit: 'short',
      alarm: 1024,
      queries: [
        {
          expr: `sum by (envoy_cluster_name) (envoy_cluster_upstream_rq_active{${service}})`,
          legend: '{{envoy_cluster_name}}',
        },
      ],
    }),
  ],
};

export const apiOwner: DashboardOptions = {
  uid: 'evengate-api-owner',
  title: 'Evengate / API owner',
  description: 'Requests, failures, times, refusals and limits of APIs behind Evengate, by listener and by Service.',
  variables: [
    ...gatewayVariables,
    {
      name: 'listener',
      label: 'Listener',
      query: `label_values(envoy_http_downstream_rq_total{${gateways},envoy_http_conn_manager_prefix=~"${listenerNames}"}, envoy_http_conn_manager_prefix)`,
      all: listenerNames,
    },
    {
      name: 'service',
      label: 'Service',
      query: `label_values(envoy_cluster_upstream_rq_total{${gateways},envoy_cluster_name=~"${serviceNames}"}, envoy_cluster_name)`,
      all: serviceNames,
    },
  ],
  sections: [now, callers, refusals, services],
};
