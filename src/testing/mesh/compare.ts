/** Whether edge and mesh decide alike: {admitted, 401 for a bad token, 403}. */
import type { MeshReport } from '../../ir/mesh.ts';
import type { Seen, SeenInside } from './arena.ts';
import type { OutsideRequest } from './requests.ts';

export interface Context {
  readonly reports: readonly MeshReport[];
  readonly looksAtTokens: boolean;
  /** A Route was told that the mesh does not tell its requests from another's. */
  readonly mistakes: boolean;
  readonly isOpaque: boolean;
}

export interface Outcome {
  /** Undefined where they agree. */
  readonly difference?: string;
  /** Why they need not. */
  readonly declared?: string;
}

export function compareOutside({ tokens }: OutsideRequest, seen: Seen, context: Context): Outcome {
  const { edge, open, mesh } = seen;
  // What no gateway forwards, with or without a policy, never gets to the mesh.
  if (edge.received === undefined && open.received === undefined) return {};
  const status = edge.received === undefined ? edge.status : 200;
  const expected = answersFor(status, tokens.length > 0);
  if (expected === undefined) return { difference: `the edge answers ${status}, and forwards it without policies` };
  if (mesh !== undefined && expected.includes(mesh)) return {};
  const declared = declaredFor({ status, mesh, sentToken: tokens.length > 0 }, context);
  if (declared !== undefined) return { declared };
  const said = edge.received === undefined ? `the edge answers ${status}` : 'the edge admits it';
  return { difference: `${said}, the mesh answers ${mesh}` };
}

/** Where the mesh need not see everything, it may refuse more, and never less. */
export function compareInside({ mesh, expected }: SeenInside, context: Context): Outcome {
  if (expected === 'unknown' || expected === mesh) return {};
  const limited =
    context.isOpaque || context.reports.some(({ reason }) => reason !== 'Full' && reason !== 'PartlyAtEdge');
  if (expected === 200 && mesh === 403 && limited) return { declared: 'not in the mesh' };
  return { difference: `inside, ${expected} is expected and the mesh answers ${mesh}` };
}

/** Of the mesh. Without any credential the edge answers 401 where Istio answers 403. */
function answersFor(status: number | 'closed', sentToken: boolean): readonly number[] | undefined {
  if (status === 200) return [200];
  if (status === 401) return sentToken ? [401] : [403];
  if (status === 403) return [403];
  // A policy that cannot be enforced.
  return status === 500 ? [401, 403] : undefined;
}

interface Answers {
  readonly status: number | 'closed';
  readonly mesh: number | undefined;
  readonly sentToken: boolean;
}

function declaredFor({ status, mesh, sentToken }: Answers, context: Context): string | undefined {
  const partly = context.mistakes || context.reports.some(({ reason }) => reason === 'PartlyAtEdge');
  if (mesh === 200 && partly) return 'partly at the edge';
  // A listener refuses bad tokens of its issuers on all of its routes; this workload looks at none.
  if (status === 401 && sentToken && !context.looksAtTokens) return 'an issuer of the listener alone';
  return undefined;
}

/** CVE-2026-26308: to Envoys before its fix, two lines of one header are one text. */
export function repeatsHeaders({ edge, open }: Seen): boolean {
  const names = (edge.received ?? open.received)?.headers.map(([name]) => name.toLowerCase()) ?? [];
  return new Set(names).size < names.length;
}
