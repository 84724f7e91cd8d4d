/** Spans of what this process does. What is called here costs nothing until somebody wants traces (`tracing-otlp.ts`). */

export type AttributeValue = string | number | boolean;
/** Names as OpenTelemetry's conventions have them, or `evengate.…`; values that nobody needs to hide. */
export type Attributes = Readonly<Record<string, AttributeValue>>;

export interface Span {
  set(attributes: Attributes): void;
  /** `type` of the error: a name or a code, never its message. */
  fail(type: string): void;
}

/** Where work belongs that is put off: the span that was open then. */
export interface Origin {
  readonly origin: unique symbol;
}

export interface SpanOptions {
  readonly attributes?: Attributes;
  readonly kind?: 'internal' | 'client';
  /** What is open when absent. */
  readonly origin?: Origin | undefined;
}

export interface Tracer {
  /** Ends the span when the work has ended, with what it throws as its failure. What the work begins is below the span. */
  span<T>(name: string, options: SpanOptions, work: (span: Span) => T): T;
  /** Undefined where no span is open. */
  origin(): Origin | undefined;
}

const noSpan: Span = { set: () => undefined, fail: () => undefined };

export const noTracer: Tracer = {
  span: (_name, _options, work) => work(noSpan),
  origin: () => undefined,
};
