/** What `evengate run` takes on the command line. */
import { isIP } from 'node:net';
import { InvalidArgumentError } from 'commander';
import { type BackendOption, parseAddress } from '../../controllers/local/endpoints.ts';
import type { PortMapping } from '../../controllers/local/ports.ts';

/** `NS/NAME:PORT=HOST:PORT`, one of several. */
export function readBackend(text: string, others: readonly BackendOption[] = []): readonly BackendOption[] {
  const [, service, digits, rest = ''] = /^([^/:=\s]+\/[^/:=\s]+):(\d{1,5})=(.+)$/.exec(text) ?? [];
  const address = parseAddress(rest);
  if (service === undefined || address === undefined || !isPort(Number(digits))) {
    throw new InvalidArgumentError('Write NAMESPACE/SERVICE:PORT=HOST:PORT, such as shop/orders:80=127.0.0.1:8080.');
  }
  return [...others, { service, port: Number(digits), address }];
}

/** `[NS/NAME:]PORT=PORT`, one of several. */
export function readPortMapping(text: string, others: readonly PortMapping[] = []): readonly PortMapping[] {
  const [, gateway, from, to] = /^(?:([^/:=\s]+\/[^/:=\s]+):)?(\d{1,5})=(\d{1,5})$/.exec(text) ?? [];
  const port = Number(from);
  const bound = Number(to);
  if (from === undefined || to === undefined || !isPort(port) || !(bound === 0 || isPort(bound))) {
    throw new InvalidArgumentError(
      'Write PORT=PORT or NAMESPACE/GATEWAY:PORT=PORT, such as 443=8443; 0 on the right means any free port.',
    );
  }
  return [...others, { gateway, port, bound }];
}

export function readListenAddress(text: string): string {
  const address = text.replace(/^\[(.*)\]$/, '$1');
  if (isIP(address) !== 0) return address;
  throw new InvalidArgumentError('Write an IP address, such as 127.0.0.1, or 0.0.0.0 for every one of this machine.');
}

function isPort(port: number): boolean {
  return port >= 1 && port <= 65_535;
}
