/** An explanation as people and scripts read it. */
import { STATUS_CODES } from 'node:http';
import type { ObjectKey } from '../../kube/object.ts';
import type { ExplainRequest, Explanation, Outcome, Share, Step } from '../../resolve/explain/types.ts';
import { statusOf } from '../../resolve/explain/types.ts';
import type { Output } from '../io.ts';
import type { CallerExplanation } from './caller.ts';
import type { MeshStep } from './mesh.ts';

export interface Explained {
  readonly gateway: ObjectKey;
  readonly explanation: Explanation;
  /** What could not be found out here. */
  readonly notes: readonly string[];
  /** What the mesh does with what is forwarded; empty for a gateway without a part in one. */
  readonly mesh: readonly MeshStep[];
}

export function textExplanation(request: ExplainRequest, answers: readonly Explained[], output: Output): string {
  const head = output.style('bold', printable(`${request.method} ${request.url}`));
  const parts = answers.map(({ gateway, explanation, mesh }) => {
    const which = answers.length > 1 ? `\nBy ApiGateway ${gateway}:\n` : '';
    return `${which}\n${stepLines(explanation.steps, output)}\n\n${outcomeText(explanation, output)}\n${meshText(mesh, output)}`;
  });
  return `${head}\n${parts.join('')}`;
}

/** A paragraph a Service: who asks, then what each point says. */
function meshText(steps: readonly MeshStep[], output: Output): string {
  return steps.map((step) => `\n${meshLines(step, output).join('\n')}\n`).join('');
}

function meshLines({ service, principal, points, notes }: MeshStep, output: Output): readonly string[] {
  const width = Math.max(...points.map(({ point }) => point.length));
  return [
    `In the mesh, ${printable(principal)} asks Service ${service}:`,
    ...points.map(({ point, admitted, status, because, rule }) => {
      const mark = admitted ? output.style('green', '✓') : output.style('red', '✗');
      const by = rule === undefined ? '' : `${rule}, `;
      return `  ${point.padEnd(width)}  ${mark} ${admitted ? 'admits it' : `refuses it (${status})`}: ${printable(`${by}${because}`)}`;
    }),
    ...notes.map((note) => `  ${output.style('yellow', 'note:')} ${printable(note)}`),
  ];
}

export function textCaller(request: ExplainRequest, { mesh, policies }: CallerExplanation, output: Output): string {
  const head = output.style('bold', printable(`${request.method} ${request.url}`));
  const says = policies.admitted ? 'admit the caller' : `refuse the caller (${policies.status})`;
  return `${head}\n${meshText(mesh, output)}\nThe policies ${says}: ${printable(policies.because)}\n`;
}

/** `{request: {method, url}, mesh: […], policies: {admitted, status, because}}` */
export function jsonCaller({ method, url }: ExplainRequest, { notes, ...explained }: CallerExplanation): string {
  const told = { request: { method, url }, ...explained, ...(notes.length > 0 && { notes }) };
  return `${JSON.stringify(told, null, 2)}\n`;
}

function stepLines(steps: readonly Step[], output: Output): string {
  const width = Math.max(...steps.map(({ stage }) => stage.length));
  return steps
    .flatMap(({ stage, passed, text, details }) => {
      const mark = passed ? output.style('green', '✓') : output.style('red', '✗');
      const indent = ' '.repeat(width + 6);
      return [
        `  ${stage.padEnd(width)}  ${mark} ${printable(text)}`,
        ...details.map((line) => `${indent}- ${printable(line)}`),
      ];
    })
    .join('\n');
}

function outcomeText({ outcome, limits }: Explanation, output: Output): string {
  const good = outcome.kind === 'forward' || (statusOf(outcome) ?? 500) < 400;
  const exhausted = limits.some(({ mode }) => mode === 'Enforce');
  const [line = '', ...more] = linesOf(outcome).map(printable);
  return [
    output.style(good ? 'green' : 'red', line),
    ...more,
    ...(exhausted ? ['Or 429 Too Many Requests, once a limit is exhausted'] : []),
  ].join('\n');
}

function linesOf(outcome: Outcome): readonly string[] {
  switch (outcome.kind) {
    case 'no-listener':
      return [`No connection: ${outcome.reason}`];
    case 'refused':
      return [`${statusText(outcome.status)}: ${outcome.reason}`];
    case 'redirect':
      return [`${statusText(outcome.status)}: ${outcome.location}`];
    case 'respond':
      return [`${statusText(outcome.status)}, from the rule's ${outcome.feature}`];
    case 'forward':
      return [
        `Forwarded to ${sharesText(outcome.backends)}`,
        `which sees the path ${outcome.path} and the host ${outcome.host}`,
      ];
  }
}

function statusText(status: number): string {
  const words = STATUS_CODES[status];
  return words === undefined ? String(status) : `${status} ${words}`;
}

function sharesText(shares: readonly Share[]): string {
  const total = shares.reduce((sum, { weight }) => sum + weight, 0);
  return shares
    .map(({ backend, weight }) => {
      const name =
        backend === undefined
          ? '500, as the reference cannot be used'
          : `Service ${backend.namespace}/${backend.service} port ${backend.port}`;
      return shares.length === 1 ? name : `${name} (${Number(((100 * weight) / total).toFixed(1))} %)`;
    })
    .join(', ');
}

/** Claims and headers may hold any character: none may move the cursor or swap what is read. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}

/** `{request: {method, url}, answers: [{gateway, status, outcome, …Explanation}]}`; status is null where a backend or nobody answers. */
export function jsonExplanation({ method, url }: ExplainRequest, answers: readonly Explained[]): string {
  const list = answers.map(({ gateway, explanation, mesh, notes }) => ({
    gateway,
    status: statusOf(explanation.outcome) ?? null,
    ...explanation,
    ...(mesh.length === 0 ? {} : { mesh }),
    ...(notes.length === 0 ? {} : { notes }),
  }));
  return `${JSON.stringify({ request: { method, url }, answers: list }, null, 2)}\n`;
}
