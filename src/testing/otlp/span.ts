/** OTLP spans, decoded by OpenTelemetry's own descriptors. */
import { Buffer } from 'node:buffer';
import type { EnvoyApi } from '../envoy-api.ts';

export type Attribute = string | number | boolean | readonly Attribute[] | { readonly [key: string]: Attribute };
export type Attributes = Readonly<Record<string, Attribute>>;

export interface Span {
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** 16 of them. */
  readonly spanId: string;
  /** Undefined for a root. */
  readonly parentSpanId: string | undefined;
  readonly name: string;
  /** `SERVER`, `CLIENT`, `INTERNAL`, … */
  readonly kind: string;
  readonly attributes: Attributes;
  readonly events: readonly { readonly name: string; readonly attributes: Attributes }[];
  /** `UNSET`, `OK`, `ERROR`. */
  readonly status: { readonly code: string; readonly message: string };
  /** Milliseconds since 1970. */
  readonly start: number;
  readonly end: number;
  /** Attributes of the resource that sent it. */
  readonly resource: Attributes;
  /** Name of the instrumentation scope. */
  readonly scope: string;
}

interface AnyValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  /** 64 bits: a string in JSON. */
  readonly intValue?: string;
  readonly doubleValue?: number;
  readonly bytesValue?: string;
  readonly arrayValue?: { readonly values?: readonly AnyValue[] };
  readonly kvlistValue?: { readonly values?: readonly KeyValue[] };
}

interface KeyValue {
  readonly key: string;
  readonly value?: AnyValue;
}

interface WireSpan {
  readonly traceId?: string;
  readonly spanId?: string;
  readonly parentSpanId?: string;
  readonly name?: string;
  readonly kind?: string;
  readonly startTimeUnixNano?: string;
  readonly endTimeUnixNano?: string;
  readonly attributes?: readonly KeyValue[];
  readonly events?: readonly { readonly name?: string; readonly attributes?: readonly KeyValue[] }[];
  readonly status?: { readonly code?: string; readonly message?: string };
}

interface TracesData {
  readonly resourceSpans?: readonly {
    readonly resource?: { readonly attributes?: readonly KeyValue[] };
    readonly scopeSpans?: readonly {
      readonly scope?: { readonly name?: string };
      readonly spans?: readonly WireSpan[];
    }[];
  }[];
}

/** `bytes`: an ExportTraceServiceRequest, which is on the wire what TracesData is. Throws on anything else. */
export function decodeSpans(api: EnvoyApi, bytes: Uint8Array): readonly Span[] {
  const { resourceSpans = [] } = api.decode('opentelemetry.proto.trace.v1.TracesData', bytes) as TracesData;
  return resourceSpans.flatMap(({ resource, scopeSpans = [] }) =>
    scopeSpans.flatMap(({ scope, spans = [] }) =>
      spans.map((span) => spanOf(span, attributesOf(resource?.attributes), scope?.name ?? '')),
    ),
  );
}

function spanOf(span: WireSpan, resource: Attributes, scope: string): Span {
  return {
    traceId: hex(span.traceId),
    spanId: hex(span.spanId),
    parentSpanId: hex(span.parentSpanId) || undefined,
    name: span.name ?? '',
    kind: (span.kind ?? 'UNSPECIFIED').replace('SPAN_KIND_', ''),
    attributes: attributesOf(span.attributes),
    events: (span.events ?? []).map(({ name = '', attributes }) => ({ name, attributes: attributesOf(attributes) })),
    status: {
      code: (span.status?.code ?? 'UNSET').replace('STATUS_CODE_', ''),
      message: span.status?.message ?? '',
    },
    start: milliseconds(span.startTimeUnixNano),
    end: milliseconds(span.endTimeUnixNano),
    resource,
    scope,
  };
}

function hex(base64 = ''): string {
  return Buffer.from(base64, 'base64').toString('hex');
}

function milliseconds(nanoseconds = '0'): number {
  return Number(BigInt(nanoseconds) / 1000n) / 1000;
}

function attributesOf(pairs: readonly KeyValue[] = []): Attributes {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, attributeOf(value)]));
}

function attributeOf(value: AnyValue = {}): Attribute {
  if (value.intValue !== undefined) return Number(value.intValue);
  if (value.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(attributeOf);
  if (value.kvlistValue !== undefined) return attributesOf(value.kvlistValue.values);
  return value.stringValue ?? value.boolValue ?? value.doubleValue ?? value.bytesValue ?? '';
}
