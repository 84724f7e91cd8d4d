/** What the API server refused, as findings: what keeps being refused, and at once what no further try will change. */
import { ApiError } from '../../kube/client.ts';
import { describeRef, type ObjectKey, type ObjectRef } from '../../kube/object.ts';
import type { Finding } from '../../status/finding.ts';

/** `what` could not be applied. */
export function notApplied(about: ObjectRef, what: string, error: ApiError): Finding {
  return {
    about,
    severity: 'error',
    reason: 'NotApplied',
    at: '',
    message: `${what} could not be applied: ${error.message.replace(/\.$/, '')}`,
    remedy: remedies[error.code] ?? 'It is tried again until it can be applied',
  };
}

const remedies: Readonly<Record<number, string>> = {
  403: 'Give the operator the rights that it lacks, or the namespace a larger quota; it is tried again until then',
  413: 'Make the ApiGateway smaller',
  422: 'Correct spec.workload or spec.service, where the API server names a field of theirs',
};

/** Conflicts, restarts and overload pass by themselves, and are told of when they do not. */
const passingAttempts = 3;

/** @param attempt 1 for the first try */
export function isTold({ code }: ApiError, attempt: number): boolean {
  return code in remedies || attempt > passingAttempts;
}

/** The namespace is being deleted: it takes nothing new, and soon there is nothing that would need it. */
export function isEnding({ causes }: ApiError): boolean {
  return causes.some(({ reason }) => reason === 'NamespaceTerminating');
}

/** Findings on gateways whose Envoys could not be told, until they are. */
export class Undelivered {
  readonly #findings = new Map<ObjectKey, Finding>();
  readonly #onFound: () => void;

  constructor(onFound: () => void) {
    this.#onFound = onFound;
  }

  get findings(): readonly Finding[] {
    return [...this.#findings.values()];
  }

  /** Passes on what the work gives, and what it throws; undefined where its namespace ends. */
  async watch<T>(about: ObjectRef, attempt: number, work: () => Promise<T>): Promise<T | undefined> {
    const key = `${about.namespace}/${about.name}`;
    try {
      const result = await work();
      if (this.#findings.delete(key)) this.#onFound();
      return result;
    } catch (error) {
      if (error instanceof ApiError && isEnding(error)) return undefined;
      if (error instanceof ApiError && isTold(error, attempt)) this.#tell(key, about, error);
      throw error;
    }
  }

  #tell(key: ObjectKey, about: ObjectRef, error: ApiError): void {
    const what = `What the Envoys of ${describeRef(about)} are to be told`;
    const finding = notApplied(about, what, error);
    if (this.#findings.get(key)?.message === finding.message) return;
    this.#findings.set(key, finding);
    this.#onFound();
  }
}
