/** Specs that are right, by kind: together they use every field there is. For tests of schemas. */

const header = (name: string) => ({ name, value: 'shop' });
const headers = { set: [header('x-team')], add: [header('x-seen-by')], remove: ['x-internal'] };
const blocks = ['203.0.113.0/24', '198.51.100.7', '2001:db8::/32', '::ffff:10.0.0.1'];

const apiGateway = {
  className: 'evengate',
  listeners: [
    { name: 'web', port: 80, protocol: 'HTTP' },
    {
      name: 'https',
      port: 443,
      protocol: 'HTTPS',
      hostname: '*.shop.example.com',
      tls: {
        certificateRefs: [{ name: 'shop-tls' }, { name: 'wild.tls', namespace: 'certs' }],
        clientValidation: {
          caCertificateRefs: [{ kind: 'ConfigMap', name: 'partners', namespace: 'certs' }],
          mode: 'Optional',
        },
      },
      allowedRoutes: {
        namespaces: {
          from: 'Selector',
          selector: {
            matchLabels: { team: 'shop', 'kubernetes.io/metadata.name': 'shop' },
            matchExpressions: [
              { key: 'example.com/tier', operator: 'In', values: ['gold'] },
              { key: 'legacy', operator: 'DoesNotExist' },
            ],
          },
        },
      },
    },
  ],
  defaultAccess: 'Deny',
  mesh: {
    mode: 'Ambient',
    enforcement: 'Shadow',
    mtls: 'Strict',
    trustDomain: 'cluster.local',
    namespace: 'istio-system',
    revision: 'stable',
    waypoint: { name: 'waypoint', managed: true },
    enrolment: 'Managed',
    onLastPolicy: 'Release',
    agentImage: 'docker.io/istio/proxyv2:1.31.1',
  },
  clientIP: { trustedHops: 1 },
};

const selector = { matchLabels: { team: 'shop' }, matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] };
const podTerm = {
  topologyKey: 'topology.kubernetes.io/zone',
  labelSelector: selector,
  namespaces: ['shop'],
  namespaceSelector: selector,
};
const nodeTerm = {
  matchExpressions: [{ key: 'topology.kubernetes.io/zone', operator: 'In', values: ['eu-1a'] }],
  matchFields: [{ key: 'metadata.name', operator: 'NotIn', values: ['node-7'] }],
};
const toPods = {
  requiredDuringSchedulingIgnoredDuringExecution: [podTerm],
  preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: podTerm }],
};
const amounts = { cpu: 2, memory: '256Mi', 'ephemeral-storage': '1Gi' };
const scalingRules = {
  stabilizationWindowSeconds: 300,
  selectPolicy: 'Min',
  policies: [{ type: 'Percent', value: 50, periodSeconds: 60 }],
};

const fleet = {
  listeners: [{ name: 'web', port: 80, protocol: 'HTTP' }],
  workload: {
    image: 'registry.example.com/envoy:distroless-v1.40.0',
    resources: { requests: amounts, limits: { ...amounts, cpu: '2.5' } },
    autoscaling: {
      minReplicas: 2,
      maxReplicas: 10,
      targetCPUUtilizationPercentage: 75,
      targetMemoryUtilizationPercentage: 80,
      behavior: { scaleUp: scalingRules, scaleDown: scalingRules },
    },
    podDisruptionBudget: { minAvailable: '50%' },
    terminationDrainDuration: '1m30s',
    serviceAccountAnnotations: { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::111122223333:role/edge' },
    template: {
      labels: { 'example.com/team': 'edge' },
      annotations: { 'example.com/contact': 'edge@example.com' },
      nodeSelector: { 'kubernetes.io/arch': 'amd64' },
      tolerations: [
        { key: 'dedicated', operator: 'Equal', value: 'edge', effect: 'NoSchedule' },
        { operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 30 },
      ],
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [nodeTerm] },
          preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference: nodeTerm }],
        },
        podAffinity: toPods,
        podAntiAffinity: toPods,
      },
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'topology.kubernetes.io/zone',
          whenUnsatisfiable: 'DoNotSchedule',
          minDomains: 3,
          nodeAffinityPolicy: 'Honor',
          nodeTaintsPolicy: 'Honor',
        },
      ],
      priorityClassName: 'edge',
      imagePullSecrets: [{ name: 'registry' }],
    },
  },
  service: {
    type: 'LoadBalancer',
    annotations: { 'service.beta.kubernetes.io/aws-load-balancer-scheme': 'internet-facing' },
    labels: { 'example.com/pool': 'public' },
    loadBalancerClass: 'service.k8s.aws/nlb',
    loadBalancerSourceRanges: ['203.0.113.0/24'],
    allocateLoadBalancerNodePorts: false,
    externalTrafficPolicy: 'Local',
    nodePorts: [{ port: 80, nodePort: 30080 }],
  },
  telemetry: {
    accessLog: {
      enabled: true,
      query: false,
      fields: [
        { name: 'tenant', requestHeader: 'x-tenant' },
        { name: 'cache', responseHeader: 'x-cache' },
        { name: 'region', value: 'eu-west' },
      ],
      filter: { minStatus: 400, samplePercent: 1, excludePaths: ['/healthz'] },
    },
    tracing: {
      backendRef: { name: 'otel-collector', namespace: 'observability', port: 4317 },
      protocol: 'GRPC',
      samplingPercent: 0.5,
      attributes: [
        { name: 'deployment.environment.name', value: 'production' },
        { name: 'tenant', requestHeader: 'x-tenant' },
      ],
    },
  },
};

const inside = {
  listeners: [{ name: 'web', port: 80, protocol: 'HTTP' }],
  workload: { replicas: 3, podDisruptionBudget: { maxUnavailable: 1 } },
  service: { type: 'ClusterIP' },
};

const route = {
  parentRefs: [{ name: 'edge', namespace: 'gateways', sectionName: 'https', port: 443 }],
  hostnames: ['api.shop.example.com', '*.shop.example.com'],
  rules: [
    {
      name: 'read',
      matches: [
        {
          path: { type: 'PathPrefix', value: '/orders' },
          method: 'GET',
          headers: [{ type: 'RegularExpression', name: 'x-canary', value: '^(true|1)$' }],
          queryParams: [{ type: 'Exact', name: 'version', value: '2' }],
        },
        { path: { value: '/a%20b/~user/(x)' } },
        { path: { type: 'RegularExpression', value: '/items/[0-9]{1,3};v=[^/]+' } },
        {},
      ],
      backendRefs: [
        {
          group: '',
          kind: 'Service',
          name: 'orders',
          namespace: 'shop',
          port: 80,
          weight: 90,
          requestHeaders: headers,
          responseHeaders: headers,
        },
        { name: 'orders-canary', port: 80, weight: 10 },
      ],
      timeouts: { request: '5s', backendRequest: '1m500ms' },
      rewrite: { hostname: 'orders.internal', path: { type: 'ReplacePrefixMatch', value: '/v2' } },
      requestHeaders: headers,
      responseHeaders: headers,
    },
    {
      matches: [{ path: { value: '/old' } }],
      redirect: {
        scheme: 'https',
        hostname: 'shop.example.com',
        path: { type: 'ReplaceFullPath', value: '/new' },
        port: 8443,
        statusCode: 301,
      },
    },
    { name: 'ping', respond: { status: 200, body: 'pong\n', contentType: 'text/plain; charset=utf-8' } },
  ],
};

const authorizeRule = {
  name: 'readers',
  from: [
    {
      requestPrincipals: ['https://login.example.com/*'],
      notRequestPrincipals: ['https://login.example.com/mallory'],
      ipBlocks: blocks,
      notIpBlocks: ['10.9.0.0/16'],
      remoteIpBlocks: blocks,
      notRemoteIpBlocks: ['203.0.113.7'],
      serviceAccounts: ['billing/batch', 'web.v2'],
      notServiceAccounts: ['billing/legacy'],
      namespaces: ['billing'],
      notNamespaces: ['sandbox'],
      principals: ['cluster.local/ns/billing/sa/batch', 'cluster.local/ns/billing/*', '*/sa/web', '*'],
      notPrincipals: ['cluster.local/ns/sandbox/*'],
      clientCertificates: ['spiffe://partner.example.com/*', 'client.example.com'],
      notClientCertificates: ['spiffe://partner.example.com/old'],
    },
  ],
  to: [
    {
      methods: ['GET', '*'],
      notMethods: ['DELETE'],
      paths: ['/orders/{*}/items', '/files/{**}', '/orders*', '*.json', '/'],
      notPaths: ['/orders/internal*'],
      hosts: ['api.shop.example.com', '*.example.com'],
      notHosts: ['admin.shop.example.com'],
    },
  ],
  when: [
    { claim: '/realm_access/roles', values: ['orders.read'] },
    { header: 'x-tenant', values: ['a*'], notValues: ['abc'] },
  ],
};

const authPolicies = [
  {
    targetRefs: [
      { kind: 'Route', name: 'orders', sectionName: 'read' },
      { kind: 'ApiGateway', name: 'edge' },
    ],
    mode: 'Shadow',
    sufficient: true,
    authenticate: {
      jwt: [
        {
          name: 'corp',
          issuer: 'https://login.example.com',
          audiences: ['orders'],
          jwks: { configMapRef: { name: 'corp-keys', key: 'jwks.json' } },
        },
        { name: 'secret', issuer: 'b', jwks: { secretRef: { name: 'corp-keys', key: 'jwks.json' } } },
        { name: 'inline', issuer: 'c', jwks: { inline: '{\n\t"keys": []}' } },
        { name: 'remote', issuer: 'd', jwks: { uri: 'https://login.example.com:8443/keys?format=jwks' } },
      ],
    },
    authorize: { allow: [authorizeRule], deny: [authorizeRule, { name: 'blocked', from: [{ ipBlocks: blocks }] }] },
  },
  { targetRefs: [{ kind: 'Route', name: 'public' }], authorize: { allow: [{ name: 'anyone' }] } },
  {
    targetRefs: [{ kind: 'Service', name: 'orders', sectionName: 'http' }],
    authorize: { allow: [{ from: [{ namespaces: ['billing'] }] }] },
  },
  { targetRefs: [{ kind: 'Route', name: 'closed' }], authorize: { allow: [] } },
];

const rateLimitPolicy = {
  targetRefs: [{ kind: 'Route', name: 'orders', sectionName: 'read' }],
  limits: [
    {
      name: 'per-caller',
      requests: 100,
      per: 'Minute',
      scope: 'Local',
      by: [{ claim: 'sub' }, { header: 'x-tenant' }, { clientIP: true }],
      mode: 'Enforce',
    },
    { name: 'total', requests: 1, per: 'Day' },
  ],
};

export const goodSpecs: Readonly<Record<string, readonly object[]>> = {
  ApiGateway: [apiGateway, fleet, inside],
  Route: [route],
  AuthPolicy: authPolicies,
  RateLimitPolicy: [rateLimitPolicy],
};
