/** THE list of our kinds: CRDs, reference pages, editor schemas and parsers come from it. */
import { apiGatewaySchema } from './api-gateway.ts';
import type { KindDefinition, PrinterColumn } from './kind.ts';
import { authPolicySchema, rateLimitPolicySchema } from './policies.ts';
import { routeSchema } from './route.ts';
import { apiGatewayStatus, authPolicyStatus, rateLimitPolicyStatus, routeStatus } from './status.ts';

const age: PrinterColumn = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'Time since it was created.',
};

function conditionColumn(name: string, condition: string): PrinterColumn {
  return {
    name,
    type: 'string',
    jsonPath: `.status.conditions[?(@.type=="${condition}")].status`,
    description: `Status of the condition ${condition}.`,
  };
}

function column(
  name: string,
  jsonPath: string,
  description: string,
  type: PrinterColumn['type'] = 'string',
): PrinterColumn {
  return { name, type, jsonPath, description };
}

const ready = conditionColumn('Ready', 'Ready');

export const kinds: readonly KindDefinition[] = [
  {
    kind: 'ApiGateway',
    plural: 'apigateways',
    singular: 'apigateway',
    shortNames: ['agw'],
    description:
      'An edge: ports that Envoy opens for clients, with their certificates, and who may attach Routes to them.',
    spec: apiGatewaySchema,
    status: apiGatewayStatus,
    rules: [],
    columns: [
      ready,
      column('Address', '.status.addresses[*].value', 'Where clients reach it.'),
      column('Routes', '.status.attachedRoutes', 'Routes attached to it.', 'integer'),
      column('Mesh', '.status.mesh', 'How it is in a mesh.'),
      column('Revision', '.status.revision', 'Content hash of what Envoy is told.'),
      age,
    ],
  },
  {
    kind: 'Route',
    plural: 'routes',
    singular: 'route',
    shortNames: ['egr'],
    description:
      'What an ApiGateway does with requests to some hosts. Of all rules of all Routes on a host, the one with the most specific match answers: an exact path, then a regular expression, then the longest prefix; then one with a method, then with more headers, then with more query parameters; then the first by namespace/name and order. A rule that no AuthPolicy covers answers 403, unless the ApiGateway says defaultAccess: Public.',
    spec: routeSchema,
    status: routeStatus,
    rules: [],
    columns: [
      column('Hosts', '.status.hosts', 'Hosts that it serves.'),
      column('Gateway', '.status.gateways', 'ApiGateways that it is attached to.'),
      column('Auth', '.status.auth', 'How its rules are guarded.'),
      ready,
      age,
    ],
  },
  {
    kind: 'AuthPolicy',
    plural: 'authpolicies',
    singular: 'authpolicy',
    shortNames: ['eap'],
    description:
      'Who may do what on an ApiGateway, a listener, a Route, a rule or a Service. Policies only tighten: a request needs every policy on its path (ApiGateway, listener, Route, rule, Service), and none can allow what another refuses. A policy in mode Enforce with authenticate or allow covers the Route, rule or Service that it targets; what no policy covers answers 403, unless the ApiGateway says defaultAccess: Public.',
    spec: authPolicySchema,
    status: authPolicyStatus,
    rules: [],
    columns: [
      column('Target', '.status.target', 'What it is about.'),
      conditionColumn('Edge', 'EdgeEnforced'),
      conditionColumn('Mesh', 'MeshEnforced'),
      ready,
      age,
    ],
  },
  {
    kind: 'RateLimitPolicy',
    plural: 'ratelimitpolicies',
    singular: 'ratelimitpolicy',
    shortNames: ['erl'],
    description:
      'How often an ApiGateway, a listener, a Route or a rule may be called: 429 past the limit. Every limit of every policy on a request’s path counts.',
    spec: rateLimitPolicySchema,
    status: rateLimitPolicyStatus,
    rules: [],
    columns: [
      column('Target', '.status.target', 'What it is about.'),
      column('Limits', '.status.limits', 'Its limits.'),
      ready,
      age,
    ],
  },
];
