/** OpenTelemetry's environment variables, as far as an exporter of traces heeds them. Pure. */

export interface TracingSettings {
  /** Of OTLP over HTTP with protobuf, to the path of traces. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly resource: Readonly<Record<string, string>>;
  readonly sampler: SamplerName;
  /** Of the traces that are kept, 0 to 1. */
  readonly ratio: number;
}

const samplers = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;
type SamplerName = (typeof samplers)[number];

type Environment = Readonly<Record<string, string | undefined>>;

/** The settings, or undefined where no traces are wanted; else a sentence on the variable that cannot be used. */
export type ReadSettings = { readonly settings: TracingSettings | undefined } | { readonly problem: string };

/** Of OpenTelemetry's 10 s a process that ends would have to wait for what a collector that is away does not take. */
const usualTimeoutMs = 2000;

class Unusable extends Error {}

export function tracingSettings(env: Environment): ReadSettings {
  if (env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true' || env['OTEL_TRACES_EXPORTER'] === 'none') {
    return { settings: undefined };
  }
  try {
    const url = urlOf(env);
    return { settings: url === undefined ? undefined : settingsFor(url, env) };
  } catch (error) {
    if (error instanceof Unusable) return { problem: error.message };
    throw error;
  }
}

function settingsFor(url: string, env: Environment): TracingSettings {
  const protocol = specific(env, 'PROTOCOL');
  if (protocol !== undefined && protocol.value !== 'http/protobuf') {
    throw new Unusable(`${protocol.name}: ${protocol.value} is not spoken; use http/protobuf, mostly on port 4318`);
  }
  const headers = specific(env, 'HEADERS');
  const resource = pairs(env['OTEL_RESOURCE_ATTRIBUTES'], 'OTEL_RESOURCE_ATTRIBUTES');
  const service = env['OTEL_SERVICE_NAME'] || resource['service.name'] || 'evengate-operator';
  return {
    url,
    headers: pairs(headers?.value, headers?.name ?? ''),
    timeoutMs: numberOf(specific(env, 'TIMEOUT'), usualTimeoutMs, Number.MAX_SAFE_INTEGER),
    resource: { ...resource, 'service.name': service },
    ...samplerOf(env),
  };
}

interface Variable {
  readonly name: string;
  readonly value: string;
}

/** That for traces, else that for all signals. */
function specific(env: Environment, what: string): Variable | undefined {
  for (const name of [`OTEL_EXPORTER_OTLP_TRACES_${what}`, `OTEL_EXPORTER_OTLP_${what}`]) {
    const value = env[name];
    if (value) return { name, value };
  }
  return undefined;
}

/** The one for traces is taken as it is; to the other, the path of traces is added. */
function urlOf(env: Environment): string | undefined {
  const found = specific(env, 'ENDPOINT');
  if (found === undefined) return undefined;
  const { name, value } = found;
  if (!URL.canParse(value) || !/^https?:$/.test(new URL(value).protocol)) {
    throw new Unusable(`${name}: not a URL with http or https; write http://collector.observability:4318`);
  }
  return name.includes('_TRACES_') ? value : `${value.replace(/\/+$/, '')}/v1/traces`;
}

function samplerOf(env: Environment): Pick<TracingSettings, 'sampler' | 'ratio'> {
  const name = env['OTEL_TRACES_SAMPLER'] || 'parentbased_always_on';
  const sampler = samplers.find((known) => known === name);
  if (sampler === undefined) {
    throw new Unusable(`OTEL_TRACES_SAMPLER: ${name} is not known; use one of ${samplers.join(', ')}`);
  }
  const value = env['OTEL_TRACES_SAMPLER_ARG'];
  return { sampler, ratio: numberOf(value ? { name: 'OTEL_TRACES_SAMPLER_ARG', value } : undefined, 1, 1) };
}

function numberOf(variable: Variable | undefined, otherwise: number, most: number): number {
  if (variable === undefined) return otherwise;
  const number = Number(variable.value);
  if (!(number >= 0 && number <= most)) throw new Unusable(`${variable.name}: not a number from 0 to ${most}`);
  return number;
}

/** `a=1,b=two%20words` (W3C Baggage). Values may be secrets: a message tells none. */
function pairs(text: string | undefined, name: string): Readonly<Record<string, string>> {
  const entries = (text ?? '').split(',').filter((entry) => entry.trim() !== '');
  return Object.fromEntries(
    entries.map((entry) => {
      const [, key, value] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(entry) ?? [];
      if (key === undefined || value === undefined)
        throw new Unusable(`${name}: not a list of name=value, separated by commas`);
      return [key, decoded(value, name)];
    }),
  );
}

function decoded(value: string, name: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    throw new Unusable(`${name}: a % is not followed by two hexadecimal digits; write %25 for it`);
  }
}
