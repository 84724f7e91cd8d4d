/** What `evengate check` found, for people and for scripts. */
import type { Finding, Level } from '../../controllers/preflight/finding.ts';
import { isProblem } from '../../controllers/preflight/preflight.ts';
import type { Output, Style } from '../io.ts';

/** In the order that they are shown. */
const groups: Readonly<Record<Finding['check'], string>> = {
  'api-server': 'Kubernetes',
  crds: 'CustomResourceDefinitions',
  rights: 'Rights',
  class: 'Class',
  operator: 'Operator',
  gateways: 'ApiGateways',
};

const marks: Readonly<Record<Level, readonly [string, Style]>> = {
  ok: ['√', 'green'],
  info: ['i', 'dim'],
  unknown: ['?', 'dim'],
  warning: ['‼', 'yellow'],
  problem: ['×', 'red'],
};

export function checkText(findings: readonly Finding[], output: Output): string {
  const blocks = Object.entries(groups).flatMap(([check, title]) => {
    const own = findings.filter((finding) => finding.check === check);
    return own.length === 0 ? [] : [[output.style('bold', title), ...own.map((one) => lineOf(one, output))].join('\n')];
  });
  const isBad = findings.some(isProblem);
  const verdict = isBad ? marks.problem : marks.ok;
  const unknown = findings.filter(({ level }) => level === 'unknown').length;
  // Of what nobody could look at, nothing is said to be well.
  const rest = isBad || unknown === 0 ? '' : `, and ${unknown} ${unknown === 1 ? 'thing is' : 'things are'} unknown`;
  return `${blocks.join('\n\n')}\n\nStatus check results are ${output.style(verdict[1], verdict[0])}${rest}\n`;
}

function lineOf({ level, said, remedy }: Finding, output: Output): string {
  const [mark, style] = marks[level];
  const line = `${output.style(style, mark)} ${level === 'unknown' ? `unknown: ${said}` : said}`;
  return remedy === undefined || level === 'ok' ? line : `${line}\n    → ${remedy}`;
}

/** `{ok, checks: [{check, level, message, remedy?}]}` */
export function checkJson(findings: readonly Finding[]): string {
  const all = findings.map(({ check, level, said, remedy }) => ({ check, level, message: said, remedy }));
  return `${JSON.stringify({ ok: !findings.some(isProblem), checks: all }, null, 2)}\n`;
}
