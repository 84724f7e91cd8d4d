/** What matters of an Envoy that reads files: what it takes, what it refuses, and what its statistics say of it. */

import { subscription } from '../../delivery/envoy/acknowledge.ts';
import type { StatType } from '../../delivery/envoy/admin.ts';
import { chainOfTable } from '../../render/names.ts';

type Refuses = (file: string, text: string) => string | undefined;

interface Reader {
  version: string;
  rejected: number;
  /** Content that it has looked at last, without its version. */
  seen: string;
  /** Content that it serves. */
  taken: string;
  /** It has found a file at least. */
  shown: boolean;
}

export class ModelEnvoy {
  /** Every state that it served by, by file: what requests met. */
  readonly history: ReadonlyMap<string, string>[] = [];
  readonly log: string[] = [];
  readonly #refuses: Refuses;
  readonly #readers = new Map<string, Reader>();
  #files: ReadonlyMap<string, string> = new Map();

  constructor(refuses: Refuses) {
    this.#refuses = refuses;
  }

  /** A kubelet swaps its folder; nothing happens where it is the same. */
  read(files: ReadonlyMap<string, string>): void {
    const same = files.size === this.#files.size && [...files].every(([name, text]) => this.#files.get(name) === text);
    this.#files = files;
    if (same) return;
    for (const [name, text] of files) this.#readFile(name, text);
    this.history.push(
      new Map([...this.#readers].flatMap(([name, { taken }]) => (files.has(name) ? [[name, taken]] : []))),
    );
  }

  /** The Secret of an SDS file comes, and is read by itself. */
  mount(name: string): void {
    const reader = this.#readers.get(name);
    if (reader !== undefined) Object.assign(reader, { taken: reader.seen, shown: true });
  }

  stats(filter: string, type: StatType): Map<string, number | string> {
    const pattern = new RegExp(filter);
    const all = [...this.#readers].flatMap(([name, { version, rejected, shown }]): [string, number | string][] => {
      const text = this.#files.get(name);
      if (text === undefined) return [];
      const root = rootOf(name, text);
      if (type === 'TextReadouts') return [[`${root}.version_text`, version]];
      if (type === 'Counters') return [[`${root}.update_rejected`, rejected]];
      return name.startsWith('sds-') && shown ? [[expiryOf(root), 1_900_000_000]] : [];
    });
    return new Map(all.filter(([name]) => pattern.test(name)));
  }

  #readFile(name: string, text: string): void {
    const reader = this.#readers.get(name) ?? { version: '', rejected: 0, seen: '', taken: '', shown: false };
    this.#readers.set(name, reader);
    const [, version = '', content = ''] = /^\{"version_info":"([^"]*)",(.*)$/s.exec(text) ?? [];
    const reason = this.#refuses(name, text);
    // These two look only at content that is new to them.
    const isSkipped = /^(ecds|sds)-/.test(name) && content === reader.seen;
    reader.seen = content;
    if (!isSkipped && reason?.startsWith('Invalid path: ') !== true) reader.shown = true;
    if (reason !== undefined && !isSkipped) {
      reader.rejected += 1;
      const message = `Filesystem config update rejected: ${reason}`;
      this.log.push(JSON.stringify({ time: '2026-01-01T00:00:00.000Z', level: 'warning', logger: 'config', message }));
      return;
    }
    reader.version = version;
    if (reason === undefined) reader.taken = content;
  }
}

/** Of a certificate that was looked into, whether its key fits or not. */
function expiryOf(root: string): string {
  return `listener.0.0.0.0_10443.ssl.certificate.${root.replace('sds.', '')}.expiration_unix_time_seconds`;
}

function rootOf(file: string, text: string): string {
  if (file === 'lds.json') return subscription.lds;
  if (file === 'cds.json') return subscription.cds;
  const { resources } = JSON.parse(text) as { readonly resources: readonly { readonly name: string }[] };
  const name = resources[0]?.name ?? '';
  if (file.startsWith('rds-')) return subscription.rds(chainOfTable(name), name);
  return file.startsWith('ecds-') ? subscription.ecds(name) : subscription.sds(name);
}
