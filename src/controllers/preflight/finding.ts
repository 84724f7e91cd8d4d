/** What a look at a cluster found. */

/** What an operator looks at before it begins; also the label of a metric. */
export const checks = ['api-server', 'crds', 'rights', 'class'] as const;
export type CheckName = (typeof checks)[number];

/** Of these only a `problem` keeps the operator from working; `unknown` is what may not be read. */
export type Level = 'ok' | 'info' | 'warning' | 'unknown' | 'problem';

export interface Finding {
  /** The last two are of an operator that is installed. */
  readonly check: CheckName | 'operator' | 'gateways';
  readonly level: Level;
  /** A sentence without its end. The same words mean the same finding. */
  readonly said: string;
  /** What to do, in the imperative, without its end. */
  readonly remedy?: string;
}

/** `a, b, c and 4 more` */
export function some(names: readonly string[], most = 3): string {
  const rest = names.length - most;
  return rest > 0 ? `${names.slice(0, most).join(', ')} and ${rest} more` : names.join(', ');
}

/** Of what could not be asked at all: the API server did not answer, or does not know us. */
export function isUnreachable(findings: readonly Finding[]): boolean {
  return findings.some(
    ({ check, level, remedy }) => check === 'api-server' && level === 'problem' && remedy === undefined,
  );
}
