/** A table played: what is answered otherwise than Istio's table says, at the edge or in the mesh. */
import type { HeaderPair } from '../../rig-request.ts';
import type { Arena } from '../arena.ts';
import { type Caller, hostOf, identities, type Row, type Table, type Verdict } from './table.ts';
import type { IstioTokens } from './tokens.ts';

export interface Played {
  /** Index in the arena. */
  readonly world: number;
  readonly table: Table;
  readonly tokens: IstioTokens;
}

/** Sentences; none where all is as it should be. */
export async function differences(arena: Arena, { world, table, tokens }: Played): Promise<readonly string[]> {
  const found: string[] = [];
  for (const row of table.rows) {
    for (const [caller, verdict] of Object.entries(row.answers) as [Caller, Verdict][]) {
      const call = { row, caller, verdict, tokens };
      const said = await (caller === 'outside' ? outside : inside)(arena, world, call);
      found.push(...said.map((sentence) => `${JSON.stringify(row)} from ${caller}: ${sentence}`));
    }
  }
  return found;
}

interface Call {
  readonly row: Row;
  readonly caller: Caller;
  readonly verdict: Verdict;
  readonly tokens: IstioTokens;
}

async function inside(arena: Arena, world: number, { row, caller, verdict, tokens }: Call): Promise<readonly string[]> {
  const identity = caller === 'a' || caller === 'b' ? identities[caller] : undefined;
  const { to = 'orders', port } = row;
  const service = port === undefined ? to : `${to}:${port}`;
  const answer = await arena.inside(world, { ...formOf(row, tokens), caller: identity, service });
  return answer === verdict ? [] : [`the mesh answers ${answer}, Istio ${verdict}`];
}

/** What the edge refuses is refused by the mesh, too, where it hears of it. */
async function outside(arena: Arena, world: number, { row, verdict, tokens }: Call): Promise<readonly string[]> {
  const { token, atEdge, to = 'orders' } = row;
  const { edge, mesh } = await arena.outside(world, { ...formOf(row, tokens), gateway: 0, from: '127.0.0.1' });
  const answer = edge.received === undefined ? edge.status : 200;
  // The one declared difference: without any credential the edge answers 401 where a token is asked for.
  const right = answer === verdict || (verdict === 403 && answer === 401 && token === undefined);
  const expected = verdict === 500 ? 403 : verdict;
  const leftToEdge = atEdge !== undefined && mesh === 200;
  const told = arena.reports(world, to).map(({ reason }) => reason);
  const forwarded = verdict !== 200 || token === undefined || forwardsToken(edge.received?.headers ?? []);
  return [
    ...(right ? [] : [`the edge answers ${answer}, Istio ${verdict}`]),
    ...(mesh === expected || leftToEdge ? [] : [`the mesh answers ${mesh ?? 'nothing'} to what the edge forwards`]),
    ...(leftToEdge && atEdge === 'PartlyAtEdge' && !told.includes(atEdge) ? ['nothing is said of what it leaves'] : []),
    ...(forwarded ? [] : ['the edge does not forward the token']),
  ];
}

function forwardsToken(headers: readonly HeaderPair[]): boolean {
  return headers.some(([name, value]) => name.toLowerCase() === 'authorization' && value.startsWith('Bearer '));
}

function formOf({ path = '/', method = 'GET', host, headers = [], token, to = 'orders' }: Row, { text }: IstioTokens) {
  const filled = headers.map(([name, value]): HeaderPair => [name, value.replaceAll('TOKEN', text.Issuer1)]);
  const authorization: readonly HeaderPair[] = token === undefined ? [] : [['authorization', `Bearer ${text[token]}`]];
  return {
    method,
    target: path.replaceAll('TOKEN', text.Issuer1),
    host: host ?? hostOf(to),
    headers: [...authorization, ...filled],
    tokens: [],
  };
}
