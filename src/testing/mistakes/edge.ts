/** Likely mistakes in ApiGateways and Routes. */
import type { Mistakes } from './mistake.ts';
import { telemetryMistakes } from './telemetry.ts';

export const edgeMistakes: Mistakes = {
  ApiGateway: [
    [
      ['listener'],
      [],
      'spec.listener: unknown field "listener". Write "listeners" instead; known fields are "className", "listeners", "defaultAccess", "mesh", "clientIP", "workload", "service" and "telemetry"',
    ],
    [['listeners'], [], 'spec.listeners: the list is empty. Write at least 1 entry'],
    [
      ['listeners'],
      { name: 'web' },
      'spec.listeners: an object is not a list. Write a list, for example [{"name":"web","port":80,"protocol":"HTTP"}]',
    ],
    [['listeners', 0, 'port'], '80', 'spec.listeners[0].port: "80" is not a number. Write 80 without quotes'],
    [['listeners', 0, 'port'], 70000, 'spec.listeners[0].port: 70000 is too large. Write a number of at most 65535'],
    [
      ['listeners', 0, 'protocol'],
      'https',
      'spec.listeners[0].protocol: "https" is not an allowed value. Write "HTTP" or "HTTPS" (did you mean "HTTPS"?)',
    ],
    [
      ['listeners', 1, 'name'],
      'web',
      'spec.listeners[1].name: "web" is the name of another entry, too. Give each entry a name of its own',
    ],
    [['listeners', 1, 'tls'], undefined, 'spec.listeners[1].tls: tls must be set with protocol: HTTPS. Add tls'],
    [
      ['listeners', 0, 'tls'],
      { certificateRefs: [{ name: 'a' }] },
      'spec.listeners[0].tls: tls goes only with protocol: HTTPS. Remove it, or write protocol: HTTPS',
    ],
    [
      ['listeners', 1, 'tls', 'certificateRefs'],
      [],
      'spec.listeners[1].tls.certificateRefs: the list is empty. Write at least 1 entry',
    ],
    [
      ['listeners', 0, 'hostname'],
      'Shop.example.com',
      'spec.listeners[0].hostname: "Shop.example.com" must be a lower-case hostname, optionally with a leading "*.". Write a lower-case hostname, optionally with a leading "*.", for example "*.shop.example.com"',
    ],
    [
      ['listeners', 0, 'hostname'],
      'a.*.example.com',
      'spec.listeners[0].hostname: "a.*.example.com" must be a lower-case hostname, optionally with a leading "*.". Write a lower-case hostname, optionally with a leading "*.", for example "*.shop.example.com"',
    ],
    [
      ['listeners', 0, 'hostname'],
      '10.0.0.1',
      'spec.listeners[0].hostname: "10.0.0.1" must be a hostname, not an IP address. Write a hostname, not an IP address, for example "*.shop.example.com"',
    ],
    [
      ['listeners', 0, 'allowedRoutes'],
      { namespaces: { from: 'Selector' } },
      'spec.listeners[0].allowedRoutes.namespaces.selector: selector must be set with from: Selector. Add selector',
    ],
    [['clientIP'], { trustedHops: -1 }, 'spec.clientIP.trustedHops: -1 is too small. Write a number of at least 0'],
    [
      ['listeners', 0, 'allowedRoutes'],
      {
        namespaces: {
          from: 'Selector',
          selector: { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] },
        },
      },
      'spec.listeners[0].allowedRoutes.namespaces.selector.matchExpressions[0].values: values goes only with operator: In or NotIn. Remove it, or write operator: In or NotIn',
    ],
    [
      ['workload'],
      { replicas: 2, autoscaling: { maxReplicas: 5 } },
      'spec.workload: replicas and autoscaling exclude each other. Keep one of replicas and autoscaling',
    ],
    [
      ['workload'],
      { autoscaling: { minReplicas: 6, maxReplicas: 5 } },
      'spec.workload.autoscaling.minReplicas: 6 must be at most maxReplicas. Write at most maxReplicas',
    ],
    [
      ['workload'],
      { podDisruptionBudget: { minAvailable: 1, maxUnavailable: 1 } },
      'spec.workload.podDisruptionBudget: exactly one of minAvailable and maxUnavailable must be set, but minAvailable and maxUnavailable are. Keep one of minAvailable and maxUnavailable',
    ],
    [
      ['workload'],
      { resources: { limits: { cpu: 0.5 } } },
      'spec.workload.resources.limits.cpu: 0.5 is not an integer or a string. Write an integer or a string, for example "500m"',
    ],
    [
      ['workload'],
      { resources: { limits: { memory: '1 GB' } } },
      'spec.workload.resources.limits.memory: "1 GB" must be a quantity such as 500m, 2 or 256Mi. Write a quantity such as 500m, 2 or 256Mi, for example "256Mi"',
    ],
    [
      ['workload'],
      { template: { labels: { 'evengate.dev/gateway': 'other' } } },
      'spec.workload.template.labels: the key "evengate.dev/gateway" is Evengate’s own. Remove it, or write another key',
    ],
    [
      ['workload'],
      { template: { labels: { 'app.kubernetes.io/instance': 'platform' } } },
      'spec.workload.template.labels: the key "app.kubernetes.io/instance" is Evengate’s own. Remove it, or write another key',
    ],
    [
      ['service'],
      { type: 'NodePort', loadBalancerClass: 'service.k8s.aws/nlb' },
      'spec.service.loadBalancerClass: "service.k8s.aws/nlb" does not go with type: ClusterIP or NodePort. Remove it, or write another type',
    ],
    [
      ['service'],
      { type: 'ClusterIP', externalTrafficPolicy: 'Local' },
      'spec.service.externalTrafficPolicy: "Local" does not go with type: ClusterIP. Remove it, or write another type',
    ],
    [
      ['service'],
      { type: 'Loadbalancer' },
      'spec.service.type: "Loadbalancer" is not an allowed value. Write "LoadBalancer", "NodePort" or "ClusterIP" (did you mean "LoadBalancer"?)',
    ],
    [
      ['service'],
      {
        nodePorts: [
          { port: 80, nodePort: 30080 },
          { port: 80, nodePort: 30081 },
        ],
      },
      'spec.service.nodePorts[1].port: 80 is the port of another entry, too. Keep one entry for each port',
    ],
    ...telemetryMistakes,
  ],
  Route: [
    [
      ['rules', 0, 'timeout'],
      { request: '5s' },
      'spec.rules[0].timeout: unknown field "timeout". Write "timeouts" instead; known fields are "name", "matches", "redirect", "respond", "backendRefs", "timeouts", "rewrite", "requestHeaders" and "responseHeaders"',
    ],
    [
      ['rules', 0, 'backendRefs', 0, 'weigth'],
      5,
      'spec.rules[0].backendRefs[0].weigth: unknown field "weigth". Write "weight" instead; known fields are "group", "kind", "name", "namespace", "port", "weight", "requestHeaders" and "responseHeaders"',
    ],
    [
      ['rules', 1, 'name'],
      'read',
      'spec.rules[1].name: "read" is the name of another entry, too. Give each entry a name of its own',
    ],
    [
      ['rules', 0, 'redirect'],
      {},
      'spec.rules[0]: exactly one of redirect, respond and backendRefs must be set, but redirect and backendRefs are. Keep one of redirect and backendRefs',
    ],
    [
      ['rules', 0, 'backendRefs'],
      undefined,
      'spec.rules[0]: exactly one of redirect, respond and backendRefs must be set. Add redirect, respond or backendRefs',
    ],
    [
      ['rules', 1, 'timeouts'],
      { request: '5s' },
      'spec.rules[1].timeouts: timeouts goes only with backendRefs. Remove it',
    ],
    [
      ['hostnames', 0],
      '*',
      'spec.hostnames[0]: "*" must be a lower-case hostname, optionally with a leading "*.". Write a lower-case hostname, optionally with a leading "*."',
    ],
    [
      ['hostnames', 0],
      'https://api.example.com',
      'spec.hostnames[0]: "https://api.example.com" must be a lower-case hostname, optionally with a leading "*.". Write a lower-case hostname, optionally with a leading "*."',
    ],
    [
      ['rules', 0, 'matches', 0, 'path', 'value'],
      '/a;b',
      'spec.rules[0].matches[0].path.value: "/a;b" must be an absolute path: URL characters, others as escapes such as %20, but no query, no fragment and no ";". Write an absolute path, for example "/orders"',
    ],
    [
      ['rules', 0, 'matches', 0, 'path', 'value'],
      '/a//b',
      'spec.rules[0].matches[0].path.value: "/a//b" must be a normalised path: no "//", "/./", "/../", "%2f", "%5c" or escapes of letters, digits and "-._~", because requests are normalised before they are matched. Write a normalised path, for example "/orders"',
    ],
    [
      ['rules', 0, 'matches', 0, 'path', 'value'],
      '/a?b=c',
      'spec.rules[0].matches[0].path.value: "/a?b=c" must be an absolute path: URL characters, others as escapes such as %20, but no query, no fragment and no ";". Write an absolute path, for example "/orders"',
    ],
    [
      ['rules', 0, 'matches', 0, 'path', 'value'],
      '/a/../b',
      'spec.rules[0].matches[0].path.value: "/a/../b" must be a normalised path: no "//", "/./", "/../", "%2f", "%5c" or escapes of letters, digits and "-._~", because requests are normalised before they are matched. Write a normalised path, for example "/orders"',
    ],
    [
      ['rules', 0, 'matches', 0, 'path', 'value'],
      'a',
      'spec.rules[0].matches[0].path.value: "a" must be an absolute path: URL characters, others as escapes such as %20, but no query, no fragment and no ";". Write an absolute path, for example "/orders"',
    ],
    [
      ['rules', 0, 'matches', 0, 'path'],
      { type: 'Prefix', value: '/a' },
      'spec.rules[0].matches[0].path.type: "Prefix" is not an allowed value. Write "Exact", "PathPrefix" or "RegularExpression" (did you mean "PathPrefix"?)',
    ],
    [
      ['rules', 0, 'matches', 0, 'path'],
      { type: 'RegularExpression' },
      'spec.rules[0].matches[0].path.value: this field is required. Add "value", a string, for example "/orders"',
    ],
    [
      ['rules', 0, 'matches', 0, 'path'],
      { type: 'RegularExpression', value: '/a\u0000' },
      'spec.rules[0].matches[0].path.value: "/a\\u{0}" must be printable ASCII. Write printable ASCII, for example "/orders"',
    ],
    [
      ['rules', 0, 'matches', 0, 'path'],
      { type: 'Exact', value: '/[0-9]+' },
      'spec.rules[0].matches[0].path.value: "/[0-9]+" must be an absolute path: URL characters, others as escapes such as %20, but no query, no fragment and no ";". Write an absolute path, for example "/orders"',
    ],
    [
      ['rules', 0, 'timeouts'],
      { request: 5 },
      'spec.rules[0].timeouts.request: 5 is not a string. Write a string, for example "5s"',
    ],
    [
      ['rules', 0, 'timeouts'],
      { request: '5 seconds' },
      'spec.rules[0].timeouts.request: "5 seconds" must be a duration such as 500ms, 15s or 1h30m. Write a duration such as 500ms, 15s or 1h30m, for example "5s"',
    ],
    [
      ['rules', 0, 'requestHeaders'],
      { set: [{ name: 'Host', value: 'a' }] },
      'spec.rules[0].requestHeaders.set[0].name: "Host" must not be host, a hop-by-hop header, x-forwarded-for or x-envoy-*: Envoy owns them. Do not let it be host, a hop-by-hop header, x-forwarded-for or x-envoy-*; "x-team" would do',
    ],
    [
      ['rules', 0, 'requestHeaders'],
      { add: [{ name: 'x-a', value: 'a\r\nx-admin: 1' }] },
      'spec.rules[0].requestHeaders.add[0].value: "a\\u{d}\\nx-admin: 1" must be visible ASCII, spaces and tabs. Write visible ASCII, spaces and tabs, for example "shop"',
    ],
    [
      ['rules', 1, 'redirect', 'hostname'],
      '*.example.com',
      'spec.rules[1].redirect.hostname: "*.example.com" must be an exact hostname. Write an exact hostname, for example "shop.example.com"',
    ],
    [
      ['rules', 1, 'redirect', 'statusCode'],
      300,
      'spec.rules[1].redirect.statusCode: 300 is not an allowed value. Write 301, 302, 303, 307 or 308',
    ],
    [['rules'], [null], 'spec.rules[0]: null is not an object. Write an object'],
  ],
};
