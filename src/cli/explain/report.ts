/** An explanation as people and scripts read it. */
import { STATUS_CODES } from 'node:http';
import type { ObjectKey } from '../../kube/object.ts';
import type { ExplainRequest, Explanation, Outcome, Share, Step } from '../../resolve/explain/types.ts';
import { statusOf } from '../../resolve/explain/types.ts';
import type { Output } from '../io.ts';

export interface Explained {
  readonly gateway: ObjectKey;
  readonly explanation: Explanation;
}

export function textExplanation(request: ExplainRequest, answers: readonly Explained[], output: Output): string {
  const head = output.style('bold', printable(`${request.method} ${request.url}`));
  const parts = answers.map(({ gateway, explanation }) => {
    const which = answers.length > 1 ? `\nBy ApiGateway ${gateway}:\n` : '';
    return `${which}\n${stepLines(explanation.steps, output)}\n\n${outcomeText(explanation, output)}\n`;
  });
  return `${head}\n${parts.join('')}`;
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
  const list = answers.map(({ gateway, explanation }) => ({
    gateway,
    status: statusOf(explanation.outcome) ?? null,
    ...explanation,
  }));
  return `${JSON.stringify({ request: { method, url }, answers: list }, null, 2)}\n`;
}
