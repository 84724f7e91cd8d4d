/** A Tracer that sends OTLP over HTTP. Imported only where traces are wanted: OpenTelemetry takes memory and start-up. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { type Context, type Span as OtelSpan, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import { ApiError } from '../kube/client.ts';
import type { Clock } from './clock.ts';
import type { Log } from './logger.ts';
import type { Attributes, Origin, Span, SpanOptions, Tracer } from './tracing.ts';
import type { TracingSettings } from './tracing-settings.ts';

export interface Tracing {
  readonly tracer: Tracer;
  /** Sends what is left, for as long as `limitMs` at most. */
  readonly close: (limitMs: number) => Promise<void>;
}

export interface TracingOptions extends TracingSettings {
  readonly version: string;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn' | 'debug'>;
}

/** Beyond it, spans are dropped: a collector that is away costs no more memory. */
const mostWaiting = 2048;
const batch = { maxQueueSize: mostWaiting, maxExportBatchSize: 512, scheduledDelayMillis: 1000 };

export function openTracing(options: TracingOptions): Tracing {
  const { url, headers, timeoutMs, resource, version, clock } = options;
  const exporter = new OTLPTraceExporter({ url, headers: { ...headers }, timeoutMillis: timeoutMs });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.version': version, ...resource }),
    sampler: samplerOf(options),
    spanProcessors: [new BatchSpanProcessor(quiet(exporter, options), { ...batch, exportTimeoutMillis: timeoutMs })],
  });
  return {
    tracer: tracerOf(provider, version),
    async close(limitMs) {
      const over = new AbortController();
      const ended = provider.shutdown().catch((error: unknown) => {
        options.log.debug('tracing did not end in order', { error });
      });
      await Promise.race([ended, clock.sleep(limitMs, over.signal).catch(() => undefined)]);
      over.abort();
    },
  };
}

function tracerOf(provider: BasicTracerProvider, version: string): Tracer {
  const tracer = provider.getTracer('evengate', version);
  const open = new AsyncLocalStorage<Context>();
  return {
    origin: () => open.getStore() as Origin | undefined,
    span(name, { attributes = {}, kind = 'internal', origin }: SpanOptions, work) {
      const parent = (origin as Context | undefined) ?? open.getStore() ?? ROOT_CONTEXT;
      const settings = { attributes: { ...attributes }, kind: kind === 'client' ? SpanKind.CLIENT : SpanKind.INTERNAL };
      const span = tracer.startSpan(name, settings, parent);
      return open.run(trace.setSpan(parent, span), () => ended(span, () => work(spanOf(span))));
    },
  };
}

function spanOf(span: OtelSpan): Span {
  return {
    set: (attributes: Attributes) => void span.setAttributes({ ...attributes }),
    fail: (type) => failed(span, type),
  };
}

function failed(span: OtelSpan, type: string): void {
  span.setAttribute('error.type', type).setStatus({ code: SpanStatusCode.ERROR });
}

/** Runs the work, whether it is done at once or later, and ends the span with it. */
function ended<T>(span: OtelSpan, work: () => T): T {
  const throws = (error: unknown): never => {
    failed(span, errorType(error));
    span.end();
    throw error;
  };
  let result: T;
  try {
    result = work();
  } catch (error) {
    return throws(error);
  }
  if (!(result instanceof Promise)) {
    span.end();
    return result;
  }
  const later = result.then((value: unknown) => {
    span.end();
    return value;
  }, throws);
  return later as T;
}

function errorType(error: unknown): string {
  if (error instanceof ApiError) return String(error.reason);
  return error instanceof Error ? error.name : typeof error;
}

/** What the collector did not take is a line in the log, once in a while, and nothing else. */
function quiet(exporter: OTLPTraceExporter, { url, clock, log }: TracingOptions): SpanExporter {
  let spoken = Number.NEGATIVE_INFINITY;
  let lost = 0;
  const complain = (spans: number, error: Error | undefined) => {
    lost += spans;
    if (clock.monotonic() - spoken < silenceMs) return;
    spoken = clock.monotonic();
    log.warn('traces are not taken, and lost', { collector: withoutSecrets(url), spans: lost, error });
    lost = 0;
  };
  return {
    export(spans, done) {
      exporter.export(spans, ({ code, error }) => {
        if (code !== 0) complain(spans.length, error);
        done({ code: 0 });
      });
    },
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  };
}

const silenceMs = 300_000;

function withoutSecrets(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

function samplerOf({ sampler, ratio }: TracingSettings): Sampler {
  const isBased = sampler.startsWith('parentbased_');
  const root = rootSampler(sampler.replace('parentbased_', ''), ratio);
  return isBased ? new ParentBasedSampler({ root }) : root;
}

function rootSampler(name: string, ratio: number): Sampler {
  if (name === 'always_off') return new AlwaysOffSampler();
  return name === 'traceidratio' ? new TraceIdRatioBasedSampler(ratio) : new AlwaysOnSampler();
}
