import { describe, expect, test } from '@jest/globals';
import type { Lookup } from '../../ir/lookup.ts';
import type { ObjectRef } from '../../kube/object.ts';
import { unspeakable } from './credentials.ts';
import { resolveTelemetry } from './resolve.ts';

const edge: ObjectRef = { kind: 'ApiGateway', namespace: 'gateways', name: 'edge' };

/** One Service, `otel`, in the gateway's own namespace. */
const lookup: Lookup = {
  service: (namespace, name) =>
    name === 'otel'
      ? { apiVersion: 'v1', kind: 'Service', metadata: { namespace, name }, spec: { ports: [{ port: 4317 }] } }
      : undefined,
  configMap: () => undefined,
  secret: () => undefined,
  namespaceLabels: () => ({}),
  fetchedKeys: () => undefined,
  canReference: (from, to) => from.namespace === to.namespace,
  once: (text, read) => read(text),
};

test('what is left open: an access log of all requests, without queries, and no spans', () => {
  expect(resolveTelemetry(edge, undefined, lookup)).toEqual({
    telemetry: { accessLog: { query: false, fields: [], filter: { excludePaths: [] } }, tracing: undefined },
    findings: [],
  });
});

test('a collector is spoken to as its protocol says, whatever its Service does', () => {
  const spec = { tracing: { backendRef: { name: 'otel', port: 4317 }, samplingPercent: 0.29 } };
  const { telemetry, findings } = resolveTelemetry(edge, spec, lookup);
  expect(findings).toEqual([]);
  expect(telemetry.tracing).toEqual({
    backend: { namespace: 'gateways', service: 'otel', port: 4317, protocol: 'HTTP/2' },
    protocol: 'GRPC',
    samples: 29,
    attributes: [],
  });
});

test('a collector that is not there leaves the access log, and all else, as it is', () => {
  const spec = { tracing: { backendRef: { name: 'nope', port: 4317 } } };
  const { telemetry, findings } = resolveTelemetry(edge, spec, lookup);
  expect(telemetry.accessLog).toBeDefined();
  expect(telemetry.tracing).toBeUndefined();
  expect(findings).toMatchObject([{ reason: 'BackendNotFound', at: 'spec.telemetry.tracing.backendRef.name' }]);
});

describe('headers that are not told', () => {
  test.each([
    'authorization',
    'Proxy-Authorization',
    'cookie',
    'set-cookie',
    'x-api-key',
    'apikey',
    'x-auth-token',
    'x-csrf-token',
    'x-amz-security-token',
    'x-goog-iap-jwt-assertion',
    'x-forwarded-client-cert',
    'x-user-password',
    'x-client-secret',
    'x-session-id',
    'x-hub-signature-256',
    'www-authenticate',
    'one-time-otp',
    'referer',
    'Location',
    'x-original-url',
  ])('%s', (header) => {
    expect(unspeakable(header)).toBeDefined();
  });

  test.each([
    'x-tenant',
    'accept-language',
    'x-request-id',
    'content-type',
    'idempotency-key',
    'x-cache',
    'x-protocol',
  ])('but %s is', (header) => {
    expect(unspeakable(header)).toBeUndefined();
  });
});
