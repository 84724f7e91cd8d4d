import { describe, expect, test } from '@jest/globals';
import { tracingSettings } from './tracing-settings.ts';

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };

describe('traces are wanted', () => {
  test('by an endpoint, to which the path of traces is added', () => {
    expect(tracingSettings(endpoint)).toEqual({
      settings: {
        url: 'http://collector:4318/v1/traces',
        headers: {},
        timeoutMs: 2000,
        resource: { 'service.name': 'evengate-operator' },
        sampler: 'parentbased_always_on',
        ratio: 1,
      },
    });
  });

  test('by one for traces, which is taken as it is, with all that goes with it', () => {
    const env = {
      ...endpoint,
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://traces.example.com/in',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20abc,x-tenant=shop',
      OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '500',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=prod, service.name=other',
      OTEL_SERVICE_NAME: 'edge-operator',
      OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.1',
    };
    expect(tracingSettings(env)).toEqual({
      settings: {
        url: 'https://traces.example.com/in',
        headers: { authorization: 'Bearer abc', 'x-tenant': 'shop' },
        timeoutMs: 500,
        resource: { 'deployment.environment.name': 'prod', 'service.name': 'edge-operator' },
        sampler: 'traceidratio',
        ratio: 0.1,
      },
    });
  });
});

test.each([
  [{}],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: '' }],
  [{ ...endpoint, OTEL_SDK_DISABLED: 'true' }],
  [{ ...endpoint, OTEL_TRACES_EXPORTER: 'none' }],
])('none are wanted with %j', (env) => {
  expect(tracingSettings(env)).toEqual({ settings: undefined });
});

test.each([
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }, 'OTEL_EXPORTER_OTLP_ENDPOINT: not a URL'],
  [{ ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, 'OTEL_EXPORTER_OTLP_PROTOCOL: grpc is not spoken'],
  [{ ...endpoint, OTEL_TRACES_SAMPLER: 'some' }, 'OTEL_TRACES_SAMPLER: some is not known'],
  [{ ...endpoint, OTEL_TRACES_SAMPLER_ARG: '7' }, 'OTEL_TRACES_SAMPLER_ARG: not a number from 0 to 1'],
  [{ ...endpoint, OTEL_EXPORTER_OTLP_HEADERS: 'secret' }, 'OTEL_EXPORTER_OTLP_HEADERS: not a list'],
  [{ ...endpoint, OTEL_EXPORTER_OTLP_HEADERS: 'a=%zz' }, 'OTEL_EXPORTER_OTLP_HEADERS: a % is not followed'],
])('%j cannot be used', (env, words) => {
  expect(tracingSettings(env)).toEqual({ problem: expect.stringContaining(words) });
});
