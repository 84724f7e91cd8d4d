/** Protobuf's wire format, written from its end: so the length of a message is known when its head is written. */
import { Buffer } from 'node:buffer';

const wireTypes = { varint: 0, fixed64: 1, bytes: 2 } as const;

export class BackwardWriter {
  #bytes: Buffer;
  #at: number;

  constructor(capacity = 4096) {
    this.#bytes = Buffer.allocUnsafe(capacity);
    this.#at = capacity;
  }

  /** Bytes so far: the difference of two is the length of what was written between. */
  get length(): number {
    return this.#bytes.length - this.#at;
  }

  /** What was written, first byte first. */
  finish(): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(this.#at));
  }

  tag(field: number, type: keyof typeof wireTypes): void {
    this.varint(field * 8 + wireTypes[type]);
  }

  /** A negative one is ten bytes: the two's complement of 64 bits. */
  varint(value: number | bigint): void {
    if (typeof value === 'bigint' || value < 0) {
      this.#largeVarint(BigInt.asUintN(64, BigInt(value)));
      return;
    }
    let size = 1;
    for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size += 1;
    let at = this.#take(size);
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) {
      this.#bytes[at] = (rest % 128) + 128;
      at += 1;
    }
    this.#bytes[at] = rest;
  }

  #largeVarint(value: bigint): void {
    const groups: number[] = [];
    let rest = value;
    for (; rest >= 128n; rest >>= 7n) groups.push(Number(rest & 127n) + 128);
    this.bytes(Uint8Array.from([...groups, Number(rest)]));
  }

  double(value: number): void {
    const at = this.#take(8);
    this.#bytes.writeDoubleLE(value, at);
  }

  text(value: string): void {
    const at = this.#take(Buffer.byteLength(value));
    this.#bytes.write(value, at);
  }

  bytes(value: Uint8Array): void {
    const at = this.#take(value.length);
    this.#bytes.set(value, at);
  }

  /** Where the next so many bytes go. */
  #take(wanted: number): number {
    if (this.#at < wanted) {
      const used = this.length;
      const larger = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, used + wanted));
      this.#bytes.copy(larger, larger.length - used, this.#at);
      this.#at = larger.length - used;
      this.#bytes = larger;
    }
    this.#at -= wanted;
    return this.#at;
  }
}
