/** What was asked of the server, and what it wrote. */

import { sameState } from './managed-fields.ts';
import type { Outcome } from './registry.ts';
import type { ApiRequest } from './request.ts';
import type { Stored } from './stored.ts';

/** One accepted write; refused ones are only among the requests. */
export interface WriteRecord {
  readonly verb: 'create' | 'update' | 'patch' | 'apply' | 'delete';
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
  readonly manager: string;
  readonly userAgent: string;
  readonly dryRun: boolean;
  /** False: the object already was as asked, and kept its resourceVersion. */
  readonly changed: boolean;
  readonly before: Stored | undefined;
  readonly after: Stored | undefined;
  /** As it was sent. */
  readonly body: string;
}

export class Log {
  readonly requests: ApiRequest[] = [];
  readonly writes: WriteRecord[] = [];
  readonly #changed: () => void;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  request(request: ApiRequest): void {
    this.requests.push(request);
    this.#changed();
  }

  write(request: ApiRequest, { before, after }: Outcome): void {
    const { type, subresource, query, userAgent, body } = request;
    const { namespace = '', name = '' } = (after ?? before)?.metadata ?? {};
    const changed = before === undefined || after === undefined || !sameState(before, after);
    this.writes.push({
      verb: verbOf(request),
      kind: type.kind,
      namespace,
      name,
      subresource,
      manager: query.get('fieldManager') ?? '',
      userAgent,
      dryRun: query.get('dryRun') === 'All',
      changed,
      before,
      after,
      body,
    });
    this.#changed();
  }
}

function verbOf({ verb, apply }: ApiRequest): WriteRecord['verb'] {
  if (apply) return 'apply';
  return verb === 'create' || verb === 'update' || verb === 'patch' ? verb : 'delete';
}
