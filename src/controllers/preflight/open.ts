/** The preflight of an operator, which asks with the operator's own rights. */
import type { KubeClient } from '../../runtime/client.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/logger.ts';
import { examine } from './examine.ts';
import type { CheckName } from './finding.ts';
import { Preflight } from './preflight.ts';
import { ownRights } from './reviews.ts';
import { Rivals } from './rivals.ts';

export interface OpenOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly className: string;
  /** All when absent. */
  readonly namespaces?: readonly string[] | undefined;
  readonly readSecrets: boolean;
  readonly meshEnrolment?: boolean | undefined;
  readonly secretNamespaces?: readonly string[] | undefined;
  /** Which it takes; none without leader election. */
  readonly lease?: { readonly namespace: string; readonly name: string } | undefined;
  /** Told after each look, of every check. */
  readonly measured: (check: CheckName, problems: number) => void;
}

export function openPreflight({ log, measured, lease, ...settings }: OpenOptions): Preflight {
  const { client, clock } = settings;
  const missing = ownRights(client);
  const rivals = new Rivals({ ...settings, lease: lease && `${lease.namespace}/${lease.name}` });
  return new Preflight({
    clock,
    log: log.child({ logger: 'preflight' }),
    measured,
    examine: (signal) => examine({ ...settings, missing, rivals, leaseNamespace: lease?.namespace, signal }),
  });
}
