/** What the connection managers of a gateway tell, which is the same for all, as a golden prints it. */
import type { JsonObject } from './compile.ts';

interface Chain {
  readonly filters: readonly { readonly name: string; readonly typed_config: JsonObject }[];
}

const inManager = ['access_log', 'tracing'] as const;

/** A listener without it. */
export function withoutTelemetry(listener: JsonObject): JsonObject {
  const chains = (listener['filter_chains'] as readonly Chain[]).map((chain) => ({
    ...chain,
    filters: chain.filters.map((filter) => ({ ...filter, typed_config: split(filter.typed_config).rest })),
  }));
  return { ...listener, filter_chains: chains };
}

/** Of the first listener. */
export function shownTelemetry([listener]: readonly JsonObject[]): object {
  const [chain] = (listener?.['filter_chains'] ?? []) as readonly Chain[];
  return chain === undefined ? {} : split(chain.filters[0]?.typed_config ?? {}).telemetry;
}

/** The filter that remembers what was asked. */
function isMemory({ name }: { readonly name?: unknown }): boolean {
  return name === 'request';
}

function split({ http_filters: filters = [], ...manager }: JsonObject): {
  readonly telemetry: JsonObject;
  readonly rest: JsonObject;
} {
  const all = filters as readonly JsonObject[];
  const of = (wanted: boolean) =>
    Object.fromEntries(
      Object.entries(manager).filter(([name]) => (inManager as readonly string[]).includes(name) === wanted),
    );
  const memory = all.filter(isMemory);
  return {
    telemetry: { ...(memory.length === 0 ? {} : { http_filters: memory }), ...of(true) },
    rest: { ...of(false), http_filters: all.filter((filter) => !isMemory(filter)) },
  };
}
