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
  return field(response.resources, [field(any.typeUrl, url), field(any.value, table)]);
}

/** envoy.service.discovery.v3.DiscoveryResponse */
export function discoveryResponse(version: string, resource: Uint8Array): Uint8Array {
  return Buffer.concat([field(response.versionInfo, version), resource]);
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
  const made = field(virtualHosts, [encode('envoy.config.route.v3.VirtualHost', JSON.parse(host.text()) as Json)]);
  known.set(host, made);
  return made;
}

function field(number: number, content: readonly Uint8Array[] | string): Uint8Array {
  const writer = new BackwardWriter();
  if (typeof content === 'string') writer.text(content);
  else for (const part of content.toReversed()) writer.bytes(part);
  writer.varint(writer.length);
  writer.tag(number, 'bytes');
  return writer.finish();
}
