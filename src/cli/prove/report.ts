/** A proof as people and scripts read it. */
import type { Difference, Side, WitnessRequest } from '../../proof/difference.ts';
import type { Proof, WorkloadProof } from '../../proof/prove.ts';
import type { Output } from '../io.ts';

export function textProof({ workloads, regions }: Proof, output: Output): string {
  const rows = workloads.map((proof) => [proof.workload, proof.points.join(' and '), verdictOf(proof)] as const);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const lines = workloads.flatMap((proof, index) => {
    const [workload = '', points = '', verdict = ''] = rows[index] ?? [];
    const style = proof.difference === undefined ? 'green' : 'red';
    const head = `${workload.padEnd(widths[0] ?? 0)}  ${points.padEnd(widths[1] ?? 0)}  ${output.style(style, verdict)}`;
    return [
      head,
      ...proof.limits.map((limit) => `    ${limit.reason}, ${count(limit.regions, 'region')}: ${limit.message}.`),
    ];
  });
  const first = workloads.find(({ difference }) => difference !== undefined)?.difference;
  const last =
    first === undefined
      ? [output.style('green', `equivalent over ${count(regions, 'region')}`)]
      : differenceLines(first, output);
  return `${[...lines, '', ...last].join('\n')}\n`;
}

function verdictOf({ difference, regions, all }: WorkloadProof): string {
  if (difference !== undefined) return 'differs';
  return regions < all
    ? `equivalent over ${count(regions, 'region')}, a sample of ${all.toLocaleString('en')}`
    : `equivalent over ${count(regions, 'region')}`;
}

function count(number: number, word: string): string {
  return `${number.toLocaleString('en')} ${word}${number === 1 ? '' : 's'}`;
}

function differenceLines(
  { workload, comparison, request, left, right }: Difference,
  output: Output,
): readonly string[] {
  const width = Math.max(left.name.length, right.name.length) + 1;
  const side = (one: Side) =>
    `  ${`${one.name}:`.padEnd(width)} ${one.admitted ? 'admits' : `refuses (${one.status})`}, ${one.because}`;
  const sentences = {
    forwarded: `${workload} differs from its edge`,
    'as-the-edge': `${workload} admits of the edge’s identity what the edge never sends`,
    caller: `${workload} differs from its policies, for a caller inside the mesh`,
  };
  return [
    output.style('red', `not equivalent: ${sentences[comparison]}`),
    '',
    ...whoLines(request),
    `  ${curlOf(request)}`,
    '',
    side(left),
    side(right),
  ];
}

function whoLines({ principal, clientAddress, certificate, token }: WitnessRequest): readonly string[] {
  return [
    ...(principal === undefined ? [] : [`  # called by ${principal}`]),
    ...(clientAddress === undefined ? [] : [`  # from ${clientAddress}`]),
    ...(certificate === undefined ? [] : [`  # with a client certificate of ${certificate.join(', ')}`]),
    ...(token === undefined ? [] : [`  # TOKEN: ${tokenWords(token)}`]),
  ];
}

function tokenWords({ issuer, claims, bad }: NonNullable<WitnessRequest['token']>): string {
  const text = JSON.stringify({ ...claims, iss: issuer });
  return bad === true ? `one that does not verify, of ${issuer}` : `one that verifies, with ${text}`;
}

/** To be pasted into a shell. */
export function curlOf({ method, url, headers, token }: WitnessRequest): string {
  const lines = headers.map(([name, value]) => ` -H ${quoted(value === '' ? `${name};` : `${name}: ${value}`)}`);
  const authorization = token === undefined ? '' : ' -H "authorization: Bearer $TOKEN"';
  return `curl -i --path-as-is -X ${method}${lines.join('')}${authorization} ${quoted(url)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** `{equivalent, regions, workloads: [{workload, points, regions, all, limits, difference?}], notes?}`; each difference with its `curl`. */
export function jsonProof({ workloads, regions }: Proof, notes: readonly string[] = []): string {
  const shown = (difference: Difference) => ({ ...difference, curl: curlOf(difference.request) });
  const list = workloads.map(({ difference, limits, ...proof }) => ({
    ...proof,
    equivalent: difference === undefined,
    limits: limits.map(({ example, ...limit }) => ({ ...limit, example: shown(example) })),
    ...(difference === undefined ? {} : { difference: shown(difference) }),
  }));
  const equivalent = workloads.every(({ difference }) => difference === undefined);
  const told = { equivalent, regions, workloads: list, ...(notes.length > 0 && { notes }) };
  return `${JSON.stringify(told, null, 2)}\n`;
}
