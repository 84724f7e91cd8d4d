/** What `evengate run` says on stdout: where it listens, what it routes, and who guards it. */
import type { LocalState, Served } from '../../controllers/local.ts';
import type { Chain } from '../../ir/gateway.ts';
import { keyOf } from '../../kube/object.ts';
import { accessWords, limitWords, matchWords, targetWords } from '../explain/route-words.ts';
import type { Output } from '../io.ts';
import { type Table, tableText } from '../tables.ts';

/** One line: what scripts wait for. */
export function readyLine({ ready, served }: LocalState, address: string): string {
  const gateways = served.map(({ gateway, revision, ports }) => ({
    name: keyOf(gateway.ref.namespace, gateway.ref.name),
    listeners: gateway.listeners
      .filter((listener) => listener.served)
      .map(({ name, port }) => ({ name, address, port: ports.get(port) ?? port })),
    revision,
  }));
  return `${JSON.stringify({ ready, gateways })}\n`;
}

export function tablesText({ served }: LocalState, address: string, output: Output): string {
  const tables = [listenerTable(served, address), routeTable(served)];
  return tables
    .filter(({ rows }) => rows.length > 0)
    .map((table) => tableText(table, output))
    .join('');
}

/** Where a client on this machine finds the listener. */
export function listenerUrl(protocol: string, address: string, port: number): string {
  const reachable = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address;
  return `${protocol.toLowerCase()}://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

function listenerTable(served: readonly Served[], address: string): Table {
  return {
    title: 'Listeners',
    columns: ['GATEWAY', 'LISTENER', 'PORT', 'URL', 'HOSTNAME'],
    rows: served.flatMap(({ gateway, ports }) =>
      gateway.listeners.map(({ name, port, protocol, hostname, served: isServed }) => [
        keyOf(gateway.ref.namespace, gateway.ref.name),
        name,
        String(port),
        isServed ? listenerUrl(protocol, address, ports.get(port) ?? port) : 'not served',
        hostname ?? '*',
      ]),
    ),
  };
}

/** More than anyone reads. */
const mostRows = 200;

function routeTable(served: readonly Served[]): Table {
  const rows = served.flatMap(({ gateway }) => gateway.chains.flatMap((chain) => chainRows(gateway.ref.name, chain)));
  const more = rows.length > mostRows ? [['…', '', `${rows.length - mostRows} more`, '', '', '']] : [];
  return {
    title: 'Routes',
    columns: ['LISTENER', 'HOST', 'MATCH', 'TO', 'ACCESS', 'LIMITS'],
    rows: [...rows.slice(0, mostRows), ...more],
  };
}

function chainRows(gateway: string, { virtualHosts }: Chain): readonly (readonly string[])[] {
  return virtualHosts.flatMap(({ domain, entries }) =>
    entries.map((entry) => [
      `${gateway}/${entry.listener.name}`,
      domain,
      matchWords(entry.match),
      targetWords(entry),
      accessWords(entry),
      limitWords(entry.limits),
    ]),
  );
}
