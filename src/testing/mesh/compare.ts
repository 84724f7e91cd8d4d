/** Whether edge and mesh decide alike: {admitted, 401 for a bad token, 403}. */
import type { MeshReport } from '../../ir/mesh.ts';
import type { Seen } from './arena.ts';
import type { OutsideRequest } from './requests.ts';

/** A sentence, or undefined where they agree. */
export function differenceOutside(
  { tokens }: OutsideRequest,
  { edge, open, mesh }: Seen,
  reports: readonly MeshReport[],
): string | undefined {
  if (edge.received !== undefined) return mesh === 200 ? undefined : `the edge admits it, the mesh answers ${mesh}`;
  // What no gateway forwards, with or without a policy, never gets to the mesh.
  if (open.received === undefined) return undefined;
  const expected = answersFor(edge.status, tokens.length > 0);
  if (expected === undefined) return `the edge answers ${edge.status}, and forwards it without policies`;
  if (mesh !== undefined && expected.includes(mesh)) return undefined;
  const partly = reports.some(({ reason }) => reason === 'PartlyAtEdge' || reason === 'Shadow');
  if (edge.status === 403 && mesh === 200 && partly) return undefined;
  return `the edge answers ${edge.status}, the mesh ${mesh}`;
}

/** Of the mesh. Without any credential the edge answers 401 where Istio answers 403. */
function answersFor(status: number | 'closed', sentToken: boolean): readonly number[] | undefined {
  if (status === 401) return sentToken ? [401] : [403];
  if (status === 403) return [403];
  // A policy that cannot be enforced.
  return status === 500 ? [401, 403] : undefined;
}

/** CVE-2026-26308: to Envoys before its fix, two lines of one header are one text. */
export function repeatsHeaders({ edge, open }: Seen): boolean {
  const names = (edge.received ?? open.received)?.headers.map(([name]) => name.toLowerCase()) ?? [];
  return new Set(names).size < names.length;
}
