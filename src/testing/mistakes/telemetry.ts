/** Likely mistakes in `telemetry` of an ApiGateway. */
import type { Mistake } from './mistake.ts';

const collector = { name: 'otel', port: 4317 };

export const telemetryMistakes: readonly Mistake[] = [
  [
    ['telemetry'],
    { accesslog: {} },
    'spec.telemetry.accesslog: unknown field "accesslog". Write "accessLog" instead; known fields are "accessLog" and "tracing"',
  ],
  [
    ['telemetry'],
    { accessLog: true },
    'spec.telemetry.accessLog: true is not an object. Write an object, for example {"filter":{"minStatus":400,"samplePercent":1}}',
  ],
  [
    ['telemetry'],
    { accessLog: { fields: [{ name: 'tenant' }] } },
    'spec.telemetry.accessLog.fields[0]: exactly one of requestHeader, responseHeader and value must be set. Add requestHeader, responseHeader or value',
  ],
  [
    ['telemetry'],
    { accessLog: { fields: [{ name: 'tenant', requestHeader: 'x-tenant', value: 'a' }] } },
    'spec.telemetry.accessLog.fields[0]: exactly one of requestHeader, responseHeader and value must be set, but requestHeader and value are. Keep one of requestHeader and value',
  ],
  [
    ['telemetry'],
    { accessLog: { fields: [{ name: 'Tenant', value: 'a' }] } },
    'spec.telemetry.accessLog.fields[0].name: "Tenant" must be lower-case letters, digits and "_", with a letter first. Write lower-case letters, digits and "_", with a letter first, for example "tenant"',
  ],
  [
    ['telemetry'],
    { accessLog: { fields: [{ name: 'tenant', requestHeader: ':path' }] } },
    'spec.telemetry.accessLog.fields[0].requestHeader: ":path" must be a header name of letters, digits and inner "-" and "_". Write a header name of letters, digits and inner "-" and "_", for example "x-tenant"',
  ],
  [
    ['telemetry'],
    {
      accessLog: {
        fields: [
          { name: 'a', value: 'a' },
          { name: 'a', value: 'b' },
        ],
      },
    },
    'spec.telemetry.accessLog.fields[1].name: "a" is the name of another entry, too. Give each entry a name of its own',
  ],
  [
    ['telemetry'],
    { accessLog: { filter: { minStatus: 40 } } },
    'spec.telemetry.accessLog.filter.minStatus: 40 is too small. Write a number of at least 200',
  ],
  [
    ['telemetry'],
    { accessLog: { filter: { samplePercent: 0.5 } } },
    'spec.telemetry.accessLog.filter.samplePercent: 0.5 is not an integer. Write an integer, for example 1',
  ],
  [
    ['telemetry'],
    { accessLog: { filter: { excludePaths: ['/healthz?full'] } } },
    'spec.telemetry.accessLog.filter.excludePaths[0]: "/healthz?full" must be an absolute path: URL characters, others as escapes such as %20, but no query, no fragment and no ";". Write an absolute path',
  ],
  [
    ['telemetry'],
    { tracing: {} },
    'spec.telemetry.tracing.backendRef: this field is required. Add "backendRef", an object, for example {"name":"otel-collector","namespace":"observability","port":4317}',
  ],
  [
    ['telemetry'],
    { tracing: { backendRef: { name: 'otel' } } },
    'spec.telemetry.tracing.backendRef.port: this field is required. Add "port", a number, for example 4317',
  ],
  [
    ['telemetry'],
    { tracing: { backendRef: collector, protocol: 'grpc' } },
    'spec.telemetry.tracing.protocol: "grpc" is not an allowed value. Write "GRPC" or "HTTP" (did you mean "GRPC"?)',
  ],
  [
    ['telemetry'],
    { tracing: { backendRef: collector, samplingPercent: 101 } },
    'spec.telemetry.tracing.samplingPercent: 101 is too large. Write a number of at most 100',
  ],
  [
    ['telemetry'],
    { tracing: { backendRef: collector, samplingPercent: '10' } },
    'spec.telemetry.tracing.samplingPercent: "10" is not a number. Write 10 without quotes',
  ],
  [
    ['telemetry'],
    { tracing: { backendRef: collector, attributes: [{ name: 'a b', value: 'a' }] } },
    'spec.telemetry.tracing.attributes[0].name: "a b" must be letters, digits and inner ".", "_", "-". Write letters, digits and inner ".", "_", "-", for example "deployment.environment.name"',
  ],
];
