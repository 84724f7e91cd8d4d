/** A route table's file in protobuf, of parts that are encoded once: fields of one message may stand in any order, side by side. */
import { Buffer } from 'node:buffer';
import type { Json, TypedConfig } from '../../envoy/json.ts';
import type { Fragment } from '../fragment.ts';
import { encode } from './encode.ts';
import { BackwardWriter } from './writer.ts';

/** A RouteConfiguration, taken apart. */
export interface TableParts {
  /** JSON of the table without its virtual hosts. */
  readonly head: string;
  readonly virtualHosts: readonly Fragment[];
}

const virtualHosts = 2;
const response = { versionInfo: 1, resources: 2 } as const;
const any = { typeUrl: 1, value: 2 } as const;

/** Its resource, ready for any version. */
export function tableResource({ head, virtualHosts: hosts }: TableParts): Uint8Array {
  const { '@type': url, ...rest } = JSON.parse(head) as TypedConfig;
  const table = [encode('envoy.config.route.v3.RouteConfiguration', rest as Json), ...hosts.map(hostField)];
  // Copied once, as it may be a megabyte.
  return Buffer.concat(field(response.resources, [...field(any.typeUrl, [text(url)]), ...field(any.value, table)]));
}

/** envoy.service.discovery.v3.DiscoveryResponse */
export function discoveryResponse(version: string, resource: Uint8Array): Uint8Array {
  return Buffer.concat([...field(response.versionInfo, [text(version)]), resource]);
}

/** A response as `discoveryResponse` wrote it, apart again; undefined where the bytes are none. */
export function readResponse(
  bytes: Uint8Array,
): { readonly version: string; readonly resource: Uint8Array } | undefined {
  if (bytes[0] !== tagOf(response.versionInfo)) return undefined;
  const length = bytes[1] ?? 128;
  const resource = bytes.subarray(2 + length);
  // Versions of ours are short: their length is one byte.
  if (length > 127 || resource[0] !== tagOf(response.resources)) return undefined;
  return { version: Buffer.from(bytes.subarray(2, 2 + length)).toString(), resource };
}

function tagOf(number: number): number {
  return number * 8 + 2;
}

const known = new WeakMap<Fragment, Uint8Array>();

function hostField(host: Fragment): Uint8Array {
  const before = known.get(host);
  if (before !== undefined) return before;
  const json = JSON.parse(host.text()) as Json;
  const made = Buffer.concat(field(virtualHosts, [encode('envoy.config.route.v3.VirtualHost', json)]));
  known.set(host, made);
  return made;
}

/** Its bytes, in parts. */
function field(number: number, content: readonly Uint8Array[]): readonly Uint8Array[] {
  const head = new BackwardWriter(16);
  head.varint(content.reduce((sum, { length }) => sum + length, 0));
  head.tag(number, 'bytes');
  return [head.finish(), ...content];
}

function text(value: string): Uint8Array {
  return Buffer.from(value);
}
