/** All checks at once: what an operator asks before it begins, and `evengate check` of an operator. */
import { ApiError, type Client } from '../../kube/client.ts';
import { checkApiServer } from './api-server.ts';
import { checkCrds } from './crds.ts';
import { type CheckName, type Finding, isUnreachable } from './finding.ts';
import { checkRights, type MissingRights } from './rights.ts';
import type { Rivals } from './rivals.ts';

export interface ExamineOptions {
  readonly client: Client;
  readonly missing: MissingRights;
  readonly rivals: Pick<Rivals, 'check'>;
  /** All when absent. */
  readonly namespaces?: readonly string[] | undefined;
  readonly readSecrets: boolean;
  readonly meshEnrolment?: boolean | undefined;
  readonly secretNamespaces?: readonly string[] | undefined;
  readonly className: string;
  /** Where the operator takes its Lease; it takes none when absent. */
  readonly leaseNamespace?: string | undefined;
  readonly signal?: AbortSignal;
}

/** Never rejects, unless aborted: what may not be asked is unknown, and what nobody answers is one problem. */
export async function examine(options: ExamineOptions): Promise<readonly Finding[]> {
  const { client, rivals, signal } = options;
  const given = signal === undefined ? {} : { signal };
  const asked: readonly (readonly [CheckName, Promise<readonly Finding[]>])[] = [
    ['api-server', checkApiServer(client, signal)],
    ['crds', checkCrds(client, given)],
    ['rights', checkRights(options)],
    ['class', rivals.check(signal)],
  ];
  const answers = await Promise.all(
    asked.map(([check, answer]) => answer.catch((error: unknown) => failed(check, error))),
  );
  signal?.throwIfAborted();
  const found = answers.flat();
  const silent = found.filter((finding) => isUnreachable([finding])).slice(0, 1);
  return silent.length > 0 ? silent : found;
}

/** An API server that does not answer, or knows nobody, is a problem; whatever else keeps a question from being answered is not. */
function failed(check: CheckName, error: unknown): readonly Finding[] {
  const said = error instanceof Error ? error.message : String(error);
  if (error instanceof ApiError && isSilence(error)) return [{ check: 'api-server', level: 'problem', said }];
  return [{ check, level: 'unknown', said }];
}

function isSilence({ code }: ApiError): boolean {
  return code === 0 || code === 401 || code === 429 || code >= 500;
}
