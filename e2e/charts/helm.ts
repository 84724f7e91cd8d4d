/** Helm as its users call it, with nothing of theirs: no cluster, no plugins, no repositories. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../src/kube/object.ts';

export const root = join(import.meta.dirname, '../..');
export const charts = { operator: join(root, 'charts/evengate'), definitions: join(root, 'charts/evengate-crds') };

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export type Helm = (args: readonly string[], input?: string) => Ended;

export function helmAt(binary: string): Helm {
  return (args, input = '') => {
    const home = mkdtempSync(join(tmpdir(), 'ev-helm-'));
    const env = { PATH: process.env['PATH'] ?? '', HOME: home, KUBECONFIG: '/dev/null' };
    try {
      const { status, stdout, stderr, error } = spawnSync(binary, args, { env, input, encoding: 'utf8' });
      if (error !== undefined) throw error;
      return { code: status, stdout, stderr };
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  };
}

export interface Release {
  readonly name?: string;
  readonly namespace?: string;
  readonly values?: object;
  readonly chart?: string;
  /** More of Helm's. */
  readonly flags?: readonly string[];
}

/** `helm template`, as it ended. */
export function template(helm: Helm, release: Release = {}): Ended {
  const {
    name = 'evengate',
    namespace = 'evengate-system',
    values = {},
    chart = charts.operator,
    flags = [],
  } = release;
  return helm(['template', name, chart, '--namespace', namespace, '--values', '-', ...flags], JSON.stringify(values));
}

/** Throws what Helm says where it refuses. */
export function rendered(helm: Helm, release: Release = {}): readonly KubeObject[] {
  const { code, stdout, stderr } = template(helm, release);
  if (code !== 0) throw new Error(stderr);
  return manifests(stdout);
}

export function manifests(text: string): readonly KubeObject[] {
  return parseAllDocuments(text).flatMap((document) => {
    if (document.errors[0] !== undefined) throw document.errors[0];
    const object = document.toJS() as KubeObject | null;
    return object === null ? [] : [object];
  });
}

/** `Deployment evengate-system/evengate` */
export function called({ kind, metadata: { namespace, name } }: KubeObject): string {
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}
