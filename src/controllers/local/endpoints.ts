/** Where the backends of a local Envoy listen: said on the command line, or by the Service itself. */
import type { Service } from '../../kube/core.ts';
import { keyOf, type ObjectKey, refOf } from '../../kube/object.ts';
import type { Collection } from '../../kube/snapshot.ts';
import type { Finding } from '../../status/finding.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `NS/NAME:PORT=HOST:PORT` */
export interface BackendOption {
  readonly service: ObjectKey;
  readonly port: number;
  readonly address: Address;
}

/**
 * On a Service, for `evengate run`: `127.0.0.1:8080`, several with commas between. Where ports of the Service differ,
 * each address says which it stands for, by the port's number or name: `80=127.0.0.1:8080, metrics=127.0.0.1:9090`.
 */
export const localAddress = 'evengate.dev/local-address';

/** IPv6 in brackets: `[::1]:8080`. */
export function parseAddress(text: string): Address | undefined {
  const [, bracketed, plain, digits = ''] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9][A-Za-z0-9.-]*)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}

/** Options about Services and ports that are not there, one sentence each. */
export function unknownBackends(options: readonly BackendOption[], services: Collection<Service>): readonly string[] {
  const known = [...services].flatMap(([key, service]) =>
    (service.spec?.ports ?? []).map(({ port }) => `${key}:${port}`),
  );
  const list = known.length === 0 ? 'there are no Services' : `known are ${known.toSorted().join(', ')}`;
  return [...new Set(options.map(({ service, port }) => `${service}:${port}`))]
    .filter((wanted) => !known.includes(wanted))
    .map((wanted) => `--backend ${wanted} names no Service and port of the manifests; ${list}`);
}

/** The command line counts more than the annotation; without either there are no endpoints. */
export function endpointsOf(
  backend: { readonly namespace: string; readonly service: string; readonly port: number },
  options: readonly BackendOption[],
  services: Collection<Service>,
): readonly Address[] {
  const key = keyOf(backend.namespace, backend.service);
  const given = options.filter(({ service, port }) => service === key && port === backend.port);
  if (given.length > 0) return given.map(({ address }) => address);
  const service = services.get(key);
  if (service === undefined) return [];
  return annotated(service).flatMap(({ ports, address }) => (ports.includes(backend.port) ? (address ?? []) : []));
}

/** Annotations that cannot be read. */
export function annotationFindings(services: Collection<Service>): readonly Finding[] {
  return [...services.values()].flatMap((service) =>
    annotated(service)
      .filter(({ ports, address }) => address === undefined || ports.length === 0)
      .map(({ text, address }) => ({
        about: refOf(service),
        severity: 'error' as const,
        reason: 'UnsupportedValue' as const,
        at: 'metadata.annotations',
        message: `${JSON.stringify(text)} in ${localAddress} ${address === undefined ? 'is no address' : 'names no port of the Service'}`,
        remedy:
          'Write HOST:PORT, or PORT=HOST:PORT with a port number or name of the Service, with commas between several',
      })),
  );
}

interface Annotated {
  readonly text: string;
  /** Of the Service. */
  readonly ports: readonly number[];
  readonly address: Address | undefined;
}

function annotated(service: Service): readonly Annotated[] {
  const value = service.metadata.annotations?.[localAddress] ?? '';
  const all = service.spec?.ports ?? [];
  return value
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .map((text) => {
      const equals = text.indexOf('=');
      const label = text.slice(0, Math.max(equals, 0)).trim();
      const ports = equals < 0 ? all : all.filter(({ name, port }) => name === label || String(port) === label);
      return { text, ports: ports.map(({ port }) => port), address: parseAddress(text.slice(equals + 1).trim()) };
    });
}
