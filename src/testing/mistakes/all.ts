/** Likely mistakes by kind, and the good specs that they are put into: one table for every judge of schemas. */
import { edgeMistakes } from './edge.ts';
import type { Mistakes } from './mistake.ts';
import { policyMistakes } from './policies.ts';

export const mistakes: Mistakes = { ...edgeMistakes, ...policyMistakes };

export const smallSpecs: Readonly<Record<string, object>> = {
  ApiGateway: {
    listeners: [
      { name: 'web', port: 80, protocol: 'HTTP' },
      { name: 'https', port: 443, protocol: 'HTTPS', tls: { certificateRefs: [{ name: 'shop-tls' }] } },
    ],
  },
  Route: {
    parentRefs: [{ name: 'edge' }],
    hostnames: ['api.example.com'],
    rules: [
      { name: 'read', matches: [{ path: { value: '/a' } }], backendRefs: [{ name: 'orders', port: 80 }] },
      { name: 'old', redirect: { statusCode: 301 } },
    ],
  },
  AuthPolicy: {
    targetRefs: [{ kind: 'Route', name: 'orders' }],
    authenticate: { jwt: [{ name: 'corp', issuer: 'https://a', jwks: { uri: 'https://a/keys' } }] },
    authorize: {
      allow: [
        { from: [{ ipBlocks: ['10.0.0.0/8'] }], to: [{ paths: ['/a'] }], when: [{ claim: 'sub', values: ['a'] }] },
      ],
    },
  },
  RateLimitPolicy: {
    targetRefs: [{ kind: 'Route', name: 'orders' }],
    limits: [{ name: 'all', requests: 5, per: 'Minute', by: [{ claim: 'sub' }] }],
  },
};
