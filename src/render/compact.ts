/** Which route tables are written as protobuf: those that take Envoy long to read as JSON, and could outgrow a ConfigMap. */
import { Buffer } from 'node:buffer';
import type { Placement } from '../ir/placement.ts';
import { keyOf, type ObjectRef } from '../kube/object.ts';
import type { Fragment } from './fragment.ts';

/**
 * Bytes of JSON. The choice is part of the file's name, so that another one changes the listener, and its connections
 * drain: a table has to halve before it is JSON again.
 */
const limits = { above: 128 * 1024, below: 64 * 1024 } as const;

export type IsCompact = (gateway: ObjectRef, chain: string, virtualHosts: readonly Fragment[]) => boolean;

/** Remembers what it said of a table, and asks the placement about one that it sees first. */
export function compactTables({ compactBefore }: Placement): IsCompact {
  if (compactBefore === undefined) return () => false;
  const before = new Map<string, boolean>();
  return (gateway, chain, virtualHosts) => {
    const key = `${keyOf(gateway.namespace, gateway.name)} ${chain}`;
    const was = before.get(key) ?? compactBefore(gateway, chain);
    const is = sizeOf(virtualHosts) > (was ? limits.below : limits.above);
    before.set(key, is);
    return is;
  };
}

const sizes = new WeakMap<Fragment, number>();

function sizeOf(virtualHosts: readonly Fragment[]): number {
  let sum = 0;
  for (const host of virtualHosts) {
    const size = sizes.get(host) ?? Buffer.byteLength(host.text());
    sizes.set(host, size);
    sum += size + 1;
  }
  return sum;
}
