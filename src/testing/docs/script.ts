/** A page as one script: what is applied and what is run, from top to bottom, in one shell, as its reader does it. */
import { parseAllDocuments } from 'yaml';
import { kinds } from '../../api/kinds.ts';
import type { KubeObject } from '../../kube/object.ts';
import type { Step } from './steps.ts';

export type Run = Exclude<Step, { kind: 'shown' }>;

/** Those of a page that are applied or run. */
export function runsOf(steps: readonly Step[]): readonly Run[] {
  return steps.filter((step) => step.kind !== 'shown');
}

/** For bash. In the folder `$OUT`, `at` says which run is going on, and `<n>` what it wrote, as a terminal shows it. */
export function scriptOf(runs: readonly Run[]): string {
  const parts = runs.map((run, index) => {
    const begin = `echo ${index} >"$OUT/at"\nexec >"$OUT/${index}" 2>&1`;
    return `${begin}\n${commandsOf(run)}\n`;
  });
  return `set -euo pipefail\n${parts.join('')}echo ${runs.length} >"$OUT/at"\n`;
}

function commandsOf(run: Run): string {
  switch (run.kind) {
    case 'commands':
      return run.block.text;
    case 'values':
      return [
        `helm template evengate charts/evengate --values - <<'END-OF-VALUES'`,
        run.block.text,
        'END-OF-VALUES',
      ].join('\n');
    case 'manifests':
      return applying(run);
  }
}

function applying({ block: { text }, becomesReady }: Extract<Run, { kind: 'manifests' }>): string {
  const waits = becomesReady ? manifestsIn(text).flatMap(waitFor) : [];
  return ["kubectl apply -f - <<'END-OF-MANIFESTS'", text, 'END-OF-MANIFESTS', ...waits].join('\n');
}

const ours: ReadonlySet<string> = new Set(kinds.map(({ kind }) => kind));

function waitFor({ apiVersion, kind, metadata: { namespace = 'default', name } }: KubeObject): readonly string[] {
  const condition = apiVersion.startsWith('evengate.dev/') && ours.has(kind) ? 'Ready' : 'Available';
  if (condition === 'Available' && kind !== 'Deployment') return [];
  const words = ['kubectl', 'wait', `--for=condition=${condition}`, '--timeout=60s', '-n', namespace];
  return [[...words, `${kind.toLowerCase()}/${name}`].join(' ')];
}

/** Throws what YAML says of the text. */
export function manifestsIn(text: string): readonly KubeObject[] {
  return parseAllDocuments(text).flatMap((document) => {
    if (document.errors[0] !== undefined) throw document.errors[0];
    const object = document.toJS() as KubeObject | null;
    return object === null ? [] : [object];
  });
}
