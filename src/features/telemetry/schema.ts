/** `telemetry` of an ApiGateway: what its Envoys tell of each request. */
import { z } from 'zod';
import { exactlyOne } from '../../schema/choice.ts';
import { absolutePath, field, labelName, namedList, objectName, portNumber, shortText } from '../../schema/fields.ts';

const loggedHeader = shortText(128).regex(
  /^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?$/,
  'must be a header name of letters, digits and inner "-" and "_"',
);
const literalText = shortText(256).regex(/^[\x20-\x7e]+$/, 'must be printable ASCII');
const percent = z.int().min(0).max(100);

const logField = exactlyOne(
  z.strictObject({
    name: field(
      shortText(63).regex(/^[a-z][a-z0-9_]*$/, 'must be lower-case letters, digits and "_", with a letter first'),
      'Name of the field; none that every line has.',
      'tenant',
    ),
    requestHeader: field(
      loggedHeader.optional(),
      'Header of the request, as the backend gets it. Credentials, and headers that hold URLs, are refused.',
      'x-tenant',
    ),
    responseHeader: field(loggedHeader.optional(), 'Header of the response. The same are refused.', 'x-cache'),
    value: field(literalText.optional(), 'Text that is the same in every line.', 'eu-west'),
  }),
  ['requestHeader', 'responseHeader', 'value'],
);

const filter = z.strictObject({
  minStatus: field(
    z.int().min(200).max(599).optional(),
    'Least status of a response that is logged; below it only what samplePercent says.',
    400,
  ),
  samplePercent: field(
    percent.optional(),
    'Share of the responses below minStatus that is logged, too; none when absent. Without minStatus, share of all responses.',
    1,
  ),
  excludePaths: field(
    z.array(absolutePath).min(1).max(32).optional(),
    'Exact paths that are never logged, whatever the answer; health checks, say.',
    ['/healthz'],
  ),
});

const accessLog = z.strictObject({
  enabled: field(z.boolean().optional(), 'False writes no access log; true when absent.', false),
  query: field(
    z.boolean().optional(),
    'True logs the query of the URL, too, whatever secrets it holds; false when absent.',
    true,
  ),
  fields: field(namedList(logField, 32).optional(), 'Fields of each line beside the usual ones.', [
    { name: 'tenant', requestHeader: 'x-tenant' },
  ]),
  filter: field(filter.optional(), 'Which requests are logged; all when absent.', { minStatus: 400, samplePercent: 1 }),
});

const backendRef = z.strictObject({
  name: field(objectName, 'Name of the Service.', 'otel-collector'),
  namespace: field(
    labelName.optional(),
    'Namespace of the Service; the ApiGateway’s own when absent. Another one needs a ReferenceGrant there.',
    'observability',
  ),
  port: field(portNumber, 'Port of the Service.', 4317),
});

const attribute = exactlyOne(
  z.strictObject({
    name: field(
      shortText(128).regex(
        /^[A-Za-z]([A-Za-z0-9_.-]*[A-Za-z0-9])?$/,
        'must be letters, digits and inner ".", "_", "-"',
      ),
      'Name of the attribute; none that every span has.',
      'deployment.environment.name',
    ),
    requestHeader: field(
      loggedHeader.optional(),
      'Header of the request. Credentials, and headers that hold URLs, are refused.',
      'x-tenant',
    ),
    value: field(literalText.optional(), 'Text that is the same in every span.', 'production'),
  }),
  ['requestHeader', 'value'],
);

const tracing = z.strictObject({
  backendRef: field(backendRef, 'Service of a collector that takes OTLP without TLS.', {
    name: 'otel-collector',
    namespace: 'observability',
    port: 4317,
  }),
  protocol: field(
    z.enum(['GRPC', 'HTTP']).optional(),
    'GRPC (the default; collectors listen on 4317), or HTTP: protobuf to /v1/traces (4318).',
    'GRPC',
  ),
  samplingPercent: field(
    z.number().min(0).max(100).optional(),
    'Share of the requests that are traced, in steps of 0.01; 100 when absent. Where a request comes with a traceparent, its caller has decided.',
    10,
  ),
  attributes: field(namedList(attribute, 32).optional(), 'Attributes of each span beside the usual ones.', [
    { name: 'deployment.environment.name', value: 'production' },
  ]),
});

export const telemetrySchema = z.strictObject({
  accessLog: field(
    accessLog.optional(),
    'Access log: a JSON object a request, on the standard output of the Envoy container.',
    { filter: { minStatus: 400, samplePercent: 1 } },
  ),
  tracing: field(tracing.optional(), 'OpenTelemetry spans of each request; none when absent.', {
    backendRef: { name: 'otel-collector', namespace: 'observability', port: 4317 },
    samplingPercent: 10,
  }),
});

export type TelemetrySpec = z.infer<typeof telemetrySchema>;
export type AccessLogSpec = NonNullable<TelemetrySpec['accessLog']>;
export type TracingSpec = NonNullable<TelemetrySpec['tracing']>;
