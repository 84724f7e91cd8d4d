import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { envoyMetrics } from '../src/observability/envoy-metrics.ts';
import { observabilityFiles } from '../src/observability/files.ts';
import { createMetrics } from '../src/runtime/metrics.ts';
import { envoyForTests } from '../src/testing/envoy.ts';
import { familyOf, parseExposition, type Series } from '../src/testing/exposition.ts';
import { operatorRig } from '../src/testing/operator/rig.ts';
import { createAll, shop } from '../src/testing/operator/shop.ts';
import { type Rig, startRig } from '../src/testing/rig.ts';
import { testCertificate, tlsSecret } from '../src/testing/rig-certificates.ts';
import {
  apiGateway,
  authPolicy,
  everyone,
  limitPolicy,
  route,
  service,
  to,
  under,
} from '../src/testing/rig-manifests.ts';
import { goProgram, judges } from './tools/go-program.ts';

/**
 * The dashboards and rules of the chart against what an operator and an Envoy with traffic really say: each query is
 * evaluated by Prometheus' engine over their scrapes, and shows something.
 */
interface Target {
  readonly expr: string;
  readonly legendFormat: string;
  readonly datasource: object;
}

interface Panel {
  readonly type: string;
  readonly id: number;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly Target[];
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
}

interface Variable {
  readonly type: string;
  readonly name: string;
  readonly definition?: string;
  readonly allValue?: string;
}

interface Dashboard {
  readonly id?: unknown;
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
}

const dashboards = [...observabilityFiles()].flatMap(([path, text]) =>
  path.endsWith('.json') ? [JSON.parse(text) as Dashboard] : [],
);
const named = dashboards.map((one) => [one.uid, one] as const);
const charts = ({ panels }: Dashboard) => panels.filter(({ type }) => type !== 'row');

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
}

const rulesText = readFileSync(resolve(import.meta.dirname, '../charts/evengate/rules.yaml'), 'utf8');
const rules = (parse(rulesText) as { groups: readonly { rules: readonly Rule[] }[] }).groups.flatMap(
  (one) => one.rules,
);
const recorded = new Set(rules.flatMap(({ record }) => record ?? []));

test.each(named)('%s: panels with a title, a description and a unit, none over another', (_, { id, panels }) => {
  expect(id).toBeUndefined();
  expect(new Set(panels.map((panel) => panel.id)).size).toBe(panels.length);
  for (const panel of panels.filter(({ type }) => type !== 'row')) {
    expect([panel.title, panel.description, panel.fieldConfig?.defaults.unit]).not.toContain(undefined);
    for (const { datasource } of panel.targets ?? []) {
      expect(datasource).toEqual({ type: 'prometheus', uid: ['$', '{datasource}'].join('') });
    }
  }
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) => {
    expect(x + w).toBeLessThanOrEqual(24);
    return Array.from({ length: w * h }, (_nothing, index) => `${x + (index % w)},${y + Math.floor(index / w)}`);
  });
  expect(new Set(cells).size).toBe(cells.length);
});

interface Scrape {
  readonly text: string;
  readonly at: number;
  readonly labels: Readonly<Record<string, string>>;
}

interface Answer {
  readonly error?: string;
  readonly selectors: readonly { readonly name: string; readonly labels: readonly string[] }[];
  readonly grouping: readonly string[];
  readonly samples: readonly { readonly labels: Readonly<Record<string, string>> }[];
}

const program = await goProgram(judges.queries);
const envoy = await envoyForTests();
const skipped = 'skip' in program || 'skip' in envoy;
const now = 1_800_000_000;
/** What a scrape configuration adds. */
const added = {
  operator: { job: 'evengate', instance: '10.0.0.1:8081', namespace: 'evengate-system', pod: 'evengate-1' },
  envoy: { job: 'envoys', instance: '10.0.0.2:19001', namespace: 'shop', pod: 'edge-1' },
};

function evaluate(scrapes: readonly Scrape[], queries: readonly string[]): Promise<readonly Answer[]> {
  const { promise, resolve: done, reject } = Promise.withResolvers<readonly Answer[]>();
  const binary = 'skip' in program ? '' : program.binary;
  const child = execFile(binary, [], { maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
    if (error === null) done(JSON.parse(stdout) as readonly Answer[]);
    else reject(new Error(stderr, { cause: error }));
  });
  child.stdin?.end(JSON.stringify({ scrapes, queries: queries.map((query) => ({ query, at: now })) }));
  return promise;
}

const broken = {
  apiVersion: 'evengate.dev/v1alpha1',
  kind: 'Route',
  metadata: { namespace: 'shop', name: 'lost' },
  spec: { parentRefs: [{ name: 'edge' }], rules: [{ backendRefs: [{ name: 'nobody', port: 80 }] }] },
};

/** Twice, with a change in between. */
async function scrapesOfOperator(): Promise<readonly string[]> {
  const machine = createMetrics({ process: true });
  const rig = await operatorRig();
  try {
    const operator = rig.start({ readSecrets: true });
    operator.metrics.leader('evengate-evengate')(true);
    const look = async () => `${await operator.metrics.registry.metrics()}\n${await machine.registry.metrics()}`;
    createAll(rig.api, shop());
    await rig.quiet();
    const first = await look();
    rig.api.create(broken);
    await rig.quiet();
    return [first, await look()];
  } finally {
    machine.registry.clear();
    await rig.stop();
  }
}

const manifests = [
  apiGateway({
    listeners: [
      { name: 'web', port: 80, protocol: 'HTTP' },
      { name: 'tls', port: 443, protocol: 'HTTPS', tls: { certificateRefs: [{ name: 'wild' }] } },
    ],
  }),
  tlsSecret('wild', testCertificate('*.example.com')),
  service('orders'),
  route('all', [
    { name: 'open', ...under('/open'), ...to('orders') },
    { name: 'closed', ...under('/closed'), ...to('orders') },
    { name: 'limited', ...under('/limited'), ...to('orders') },
  ]),
  authPolicy('open', 'Route/all/open Route/all/limited', everyone),
  limitPolicy('few', 'Route/all/limited', [{ name: 'few', requests: 1, per: 'Hour' }]),
];

async function scrapesOfEnvoy(binary: string): Promise<readonly string[]> {
  const rig = await startRig(binary, manifests);
  try {
    await rig.send({ path: '/open' });
    const first = await flushed(rig, 1);
    for (const path of ['/open', '/closed', '/limited', '/limited', '/nowhere']) await rig.send({ path });
    return [first, await flushed(rig, 3)];
  } finally {
    await rig.stop();
  }
}

/** Envoy tells of histograms every five seconds. */
async function flushed(rig: Rig, answers: number): Promise<string> {
  for (;;) {
    const text = await rig.scrape();
    const { series } = parseExposition(text);
    if (series.some(({ name, value }) => name === 'envoy_cluster_upstream_rq_time_count' && value >= answers))
      return text;
    await new Promise((next) => setTimeout(next, 100));
  }
}

/** Of `label_values(selector, label)`. */
function selectorOf(definition: string): string {
  return /^label_values\((.*), \w+\)$/.exec(definition)?.[1] ?? '';
}

/** As Grafana fills it in when nothing is chosen. */
function filled(expr: string, { templating: { list } }: Pick<Dashboard, 'templating'>): string {
  const known = expr.replaceAll('$__rate_interval', '5m').replaceAll('$__all', '');
  return list.reduce((text, { name, allValue = '' }) => text.replaceAll(`$${name}`, allValue), known);
}

(skipped ? describe.skip : describe)('over what an operator and an Envoy say', () => {
  let scrapes: readonly Scrape[] = [];
  let real: readonly Series[] = [];
  let types: ReadonlyMap<string, string> = new Map();

  beforeAll(async () => {
    const binary = 'skip' in envoy ? '' : envoy.binary;
    const [operator, edge] = await Promise.all([scrapesOfOperator(), scrapesOfEnvoy(binary)]);
    const at = (index: number) => now - 120 + index * 110;
    scrapes = [
      ...operator.map((text, index) => ({ text, at: at(index), labels: added.operator })),
      ...edge.map((text, index) => ({ text, at: at(index), labels: added.envoy })),
    ];
    const parsed = scrapes.map(({ text, labels }) => ({ ...parseExposition(text), labels }));
    real = parsed.flatMap(({ series, labels }) =>
      series.map((one) => ({ ...one, labels: { ...one.labels, ...labels } })),
    );
    types = new Map(parsed.flatMap((one) => [...one.types]));
  }, 60_000);

  afterAll(() => {
    scrapes = [];
  });

  /** Metrics and labels that nobody says. */
  function invented({ selectors }: Answer): readonly string[] {
    return selectors.flatMap(({ name, labels }) => {
      if (recorded.has(name)) return [];
      const own = real.filter((one) => one.name === name);
      if (own.length === 0) return [name];
      return labels.filter((label) => !own.some((one) => label in one.labels)).map((label) => `${name}{${label}}`);
    });
  }

  test.each(named)('%s: every panel shows something', async (_, dashboard) => {
    const asked = charts(dashboard).flatMap(({ title, targets = [] }) => targets.map((target) => ({ title, target })));
    const answers = await evaluate(
      scrapes,
      asked.map(({ target }) => filled(target.expr, dashboard)),
    );
    const shown = new Set<string>();
    for (const [index, { title, target }] of asked.entries()) {
      const answer = answers[index];
      expect([title, answer?.error]).toEqual([title, undefined]);
      expect([title, answer && invented(answer)]).toEqual([title, []]);
      for (const { labels } of answer?.samples ?? []) {
        shown.add(title);
        const wanted = [...target.legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label ?? '');
        expect([title, wanted.filter((label) => !(label in labels))]).toEqual([title, []]);
      }
    }
    expect(
      charts(dashboard)
        .filter(({ title }) => !shown.has(title))
        .map(({ title }) => title),
    ).toEqual([]);
  });

  test.each(named)('%s: every variable has values', async (_, dashboard) => {
    const variables = dashboard.templating.list.filter(({ type }) => type === 'query');
    const read = variables.map(({ definition = '' }) => /^label_values\((.*), (\w+)\)$/.exec(definition) ?? []);
    const answers = await evaluate(
      scrapes,
      read.map(([, selector = '']) => filled(selector, dashboard)),
    );
    for (const [index, [definition, , label = '']] of read.entries()) {
      expect([definition, answers[index]?.samples.some(({ labels }) => label in labels)]).toEqual([definition, true]);
    }
  });

  test('every rule asks for what there is', async () => {
    const answers = await evaluate(
      scrapes,
      rules.map(({ expr }) => expr),
    );
    for (const [index, { alert, record }] of rules.entries()) {
      const answer = answers[index];
      expect([alert ?? record, answer?.error, answer && invented(answer)]).toEqual([alert ?? record, undefined, []]);
      if (record !== undefined && !record.includes('ratio')) expect(answer?.samples).not.toEqual([]);
    }
  });

  test('what they use of Envoy is documented, with its labels, and nothing else is', async () => {
    const queries = [
      ...dashboards.flatMap((one) => [
        ...charts(one).flatMap(({ targets = [] }) => targets.map(({ expr }) => filled(expr, one))),
        ...one.templating.list.flatMap(({ definition }) => (definition ? [filled(selectorOf(definition), one)] : [])),
      ]),
      ...rules.map(({ expr }) => expr),
    ];
    const answers = await evaluate(scrapes, queries);
    const used = answers.flatMap(({ selectors }) => selectors.map(({ name }) => name));
    const families = new Set(
      used.flatMap((name) => (name.startsWith('envoy_') ? [familyOf({ name, labels: {}, value: 0 }, types)] : [])),
    );
    const labelsOf = (family: string) => {
      const own = real.filter((one) => familyOf(one, types) === family).flatMap(({ labels }) => Object.keys(labels));
      return [...new Set(own)].filter((label) => label !== 'le' && !(label in added.envoy)).toSorted();
    };
    const found = [...families].toSorted().map((name) => ({ name, type: types.get(name), labels: labelsOf(name) }));
    const documented = envoyMetrics.map(({ name, type, labels }) => {
      return { name, type, labels: Object.keys({ ...labels }).toSorted() };
    });
    expect(documented.toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual(found);
  });
});
