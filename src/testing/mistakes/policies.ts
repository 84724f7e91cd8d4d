/** Likely mistakes in policies. */
import type { Mistakes } from './mistake.ts';

export const policyMistakes: Mistakes = {
  AuthPolicy: [
    [
      ['targetRefs'],
      undefined,
      'spec.targetRefs: this field is required. Add "targetRefs", a list, for example [{"kind":"Route","name":"orders","sectionName":"read"}]',
    ],
    [
      ['targetRefs', 0, 'kind'],
      'Deployment',
      'spec.targetRefs[0].kind: "Deployment" is not an allowed value. Write "ApiGateway", "Route" or "Service"',
    ],
    [
      ['targetRefs', 0, 'namespace'],
      'shop',
      'spec.targetRefs[0].namespace: unknown field "namespace". Remove it; known fields are "kind", "name" and "sectionName"',
    ],
    [['authorize', 'allow', 0, 'from'], [], 'spec.authorize.allow[0].from: the list is empty. Write at least 1 entry'],
    [
      ['authorize', 'allow', 0, 'from'],
      [{}],
      'spec.authorize.allow[0].from[0]: at least one of requestPrincipals, notRequestPrincipals, ipBlocks, notIpBlocks, remoteIpBlocks, notRemoteIpBlocks, serviceAccounts, notServiceAccounts, namespaces, notNamespaces, principals, notPrincipals, clientCertificates and notClientCertificates must be set. Add requestPrincipals, notRequestPrincipals, ipBlocks, notIpBlocks, remoteIpBlocks, notRemoteIpBlocks, serviceAccounts, notServiceAccounts, namespaces, notNamespaces, principals, notPrincipals, clientCertificates or notClientCertificates',
    ],
    [
      ['authorize', 'allow', 0, 'to'],
      [{}],
      'spec.authorize.allow[0].to[0]: at least one of methods, notMethods, paths, notPaths, hosts and notHosts must be set. Add methods, notMethods, paths, notPaths, hosts or notHosts',
    ],
    [
      ['authorize', 'allow', 0, 'when', 0, 'header'],
      'x-a',
      'spec.authorize.allow[0].when[0]: exactly one of claim and header must be set, but claim and header are. Keep one of claim and header',
    ],
    [
      ['authorize', 'allow', 0, 'when', 0, 'values'],
      undefined,
      'spec.authorize.allow[0].when[0]: at least one of values and notValues must be set. Add values or notValues',
    ],
    [
      ['authorize', 'allow', 0, 'to', 0, 'paths', 0],
      '/a/*/b',
      'spec.authorize.allow[0].to[0].paths[0]: "/a/*/b" must be printable ASCII, with one * at most, at its beginning or end, or templates such as /a/{*}/b. Write printable ASCII, with one * at most, at its beginning or end, or templates such as /a/{*}/b',
    ],
    [
      ['authorize', 'allow', 0, 'to', 0, 'paths', 0],
      '*admin*',
      'spec.authorize.allow[0].to[0].paths[0]: "*admin*" must be printable ASCII, with one * at most, at its beginning or end, or templates such as /a/{*}/b. Write printable ASCII, with one * at most, at its beginning or end, or templates such as /a/{*}/b',
    ],
    [
      ['authorize', 'allow', 0, 'to', 0, 'paths', 0],
      '/%61dmin*',
      'spec.authorize.allow[0].to[0].paths[0]: "/%61dmin*" must be a normalised path: no "//", "/./", "/../", "%2f", "%5c" or escapes of letters, digits and "-._~", because requests are normalised before they are compared. Write a normalised path',
    ],
    [
      ['authorize', 'allow', 0, 'to', 0, 'paths', 0],
      '/a?b=c',
      'spec.authorize.allow[0].to[0].paths[0]: "/a?b=c" must be a path without query and fragment: only the path is compared. Write a path without query and fragment',
    ],
    [
      ['authorize', 'allow', 0, 'to', 0, 'methods'],
      'GET',
      'spec.authorize.allow[0].to[0].methods: "GET" is not a list. Write a list, for example ["GET"]',
    ],
    [
      ['authorize', 'allow', 0, 'from', 0, 'ipBlocks', 0],
      '10.0.0.0/99',
      'spec.authorize.allow[0].from[0].ipBlocks[0]: "10.0.0.0/99" must be an IP address or CIDR block such as 203.0.113.0/24. Write an IP address or CIDR block such as 203.0.113.0/24',
    ],
    [
      ['authorize', 'allow', 0, 'from', 0, 'ipBlocks', 0],
      '10.0.0',
      'spec.authorize.allow[0].from[0].ipBlocks[0]: "10.0.0" must be an IP address or CIDR block such as 203.0.113.0/24. Write an IP address or CIDR block such as 203.0.113.0/24',
    ],
    [
      ['authorize', 'allow', 0, 'from', 0, 'principals'],
      ['cluster.local/ns/*/sa/batch'],
      'spec.authorize.allow[0].from[0].principals[0]: "cluster.local/ns/*/sa/batch" must be an identity with one * at most, at its beginning or end: the proxies of a mesh do not agree on what one inside it means. Write an identity with one * at most, at its beginning or end',
    ],
    [
      ['authorize', 'allow', 0, 'from', 0, 'principals'],
      ['*billing*'],
      'spec.authorize.allow[0].from[0].principals[0]: "*billing*" must be an identity with one * at most, at its beginning or end: the proxies of a mesh do not agree on what one inside it means. Write an identity with one * at most, at its beginning or end',
    ],
    [
      ['authorize', 'allow', 0, 'from', 0, 'principals'],
      ['spiffe://cluster.local/ns/billing/sa/batch'],
      'spec.authorize.allow[0].from[0].principals[0]: "spiffe://cluster.local/ns/billing/sa/batch" must be an identity without "spiffe://": the trust domain comes first. Write an identity without "spiffe://"',
    ],
    [
      ['authorize', 'allow', 0, 'from', 0, 'principals'],
      ['billing/batch'],
      'spec.authorize.allow[0].from[0].principals[0]: "billing/batch" must be an identity such as cluster.local/ns/billing/sa/batch, or the beginning or end of one with a *. Write an identity such as cluster.local/ns/billing/sa/batch, or the beginning or end of one with a *',
    ],
    [
      ['authorize', 'allow', 0, 'from', 0, 'serviceAccounts'],
      ['billing/*'],
      'spec.authorize.allow[0].from[0].serviceAccounts[0]: "billing/*" must be namespace/name of a service account, or the name of one in the namespace of the policy: wildcards are for principals. Write namespace/name of a service account, or the name of one in the namespace of the policy',
    ],
    [
      ['authorize', 'allow', 0, 'from', 0, 'namespaces'],
      ['bill*'],
      'spec.authorize.allow[0].from[0].namespaces[0]: "bill*" must be the name of a namespace, without wildcards. Write the name of a namespace, without wildcards',
    ],
    [
      ['authenticate', 'jwt', 0, 'jwks', 'inline'],
      '{"keys":[]}',
      'spec.authenticate.jwt[0].jwks: exactly one of inline, configMapRef, secretRef and uri must be set, but inline and uri are. Keep one of inline and uri',
    ],
    [
      ['authenticate', 'jwt', 0, 'jwks'],
      {},
      'spec.authenticate.jwt[0].jwks: exactly one of inline, configMapRef, secretRef and uri must be set. Add inline, configMapRef, secretRef or uri',
    ],
    [
      ['authenticate', 'jwt', 0, 'jwks', 'uri'],
      'ldap://a',
      'spec.authenticate.jwt[0].jwks.uri: "ldap://a" must be an http or https URL, without user and fragment. Write an http or https URL, without user and fragment, for example "https://login.example.com/.well-known/jwks.json"',
    ],
    [
      ['authenticate', 'jwt', 1],
      { name: 'corp', issuer: 'b', jwks: { uri: 'https://b/' } },
      'spec.authenticate.jwt[1].name: "corp" is the name of another entry, too. Give each entry a name of its own',
    ],
  ],
  RateLimitPolicy: [
    [
      ['targetRefs', 0, 'kind'],
      'Service',
      'spec.targetRefs[0].kind: "Service" is not an allowed value. Write "ApiGateway" or "Route"',
    ],
    [
      ['limits', 0, 'by', 0, 'header'],
      'x-a',
      'spec.limits[0].by[0]: exactly one of claim, header and clientIP must be set, but claim and header are. Keep one of claim and header',
    ],
    [
      ['limits', 0, 'by', 0],
      {},
      'spec.limits[0].by[0]: exactly one of claim, header and clientIP must be set. Add claim, header or clientIP',
    ],
    [
      ['limits', 0, 'by', 0],
      { clientIP: false },
      'spec.limits[0].by[0].clientIP: false is not an allowed value. Write true',
    ],
    [['limits', 0, 'requests'], 0, 'spec.limits[0].requests: 0 is too small. Write a number of at least 1'],
    [
      ['limits', 0, 'per'],
      'minute',
      'spec.limits[0].per: "minute" is not an allowed value. Write "Second", "Minute", "Hour" or "Day" (did you mean "Minute"?)',
    ],
    [['limits', 0, 'scope'], 'Global', 'spec.limits[0].scope: "Global" is not an allowed value. Write "Local"'],
    [
      ['limits', 1],
      { name: 'all', requests: 1, per: 'Day' },
      'spec.limits[1].name: "all" is the name of another entry, too. Give each entry a name of its own',
    ],
  ],
};
