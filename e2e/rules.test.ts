import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { goProgram, tools } from './tools/go-program.ts';

/** The rules of the chart, by Prometheus' own promtool: each alert fires on what it is about, and not on what is usual. */
const rulesFile = resolve(import.meta.dirname, '../charts/evengate/rules.yaml');

interface Rule {
  readonly alert?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

const { groups } = parse(readFileSync(rulesFile, 'utf8')) as { groups: readonly { rules: readonly Rule[] }[] };
const alerts = new Map(
  groups.flatMap(({ rules }) => rules).flatMap((rule) => (rule.alert ? [[rule.alert, rule]] : [])),
);

/** Series in promtool's notation, a value a minute. */
type Series = Readonly<Record<string, string>>;

interface Case {
  readonly alert: string;
  /** Minute at which it fires. */
  readonly at: number;
  /** Beside the alert's own. */
  readonly labels: Readonly<Record<string, string>>;
  /** As the annotations print it. */
  readonly value?: string;
  readonly fires: Series;
  readonly quiet: Series;
}

const edge = { gateway_namespace: 'shop', gateway: 'edge' };
const of = (name: string, labels: Readonly<Record<string, string>> = {}) => {
  const pairs = Object.entries({ ...edge, ...labels }).map(([label, value]) => `${label}="${value}"`);
  return `${name}{${pairs.join(',')}}`;
};
const listener = { envoy_http_conn_manager_prefix: 'http-80' };
const answers = (code: string) =>
  of('envoy_http_downstream_rq_xx', { ...listener, envoy_response_code_class: code, pod: 'edge-1' });
const build = 'evengate_build_info{job="evengate",instance="a"}';
const depth = 'workqueue_depth{job="evengate",instance="a",controller="edge",name="edge"}';
const errors = 'controller_runtime_reconcile_errors_total{job="evengate",instance="a",controller="fleet"}';
const leader = (pod: string) => `leader_election_master_status{name="evengate-evengate",pod="${pod}"}`;
const pods = (state: string) => of('evengate_gateway_pods', { state });
const table = (pod: string) => of('envoy_http_rds_version', { ...listener, envoy_rds_route_config: 'http-80', pod });
const certificate = of('envoy_listener_ssl_certificate_expiration_unix_time_seconds', {
  envoy_certificate: 'shop.wild.example',
  pod: 'edge-1',
});
const foreign = of('evengate_certificate_not_after_seconds', { secret: 'certs/wild' });
const denied = (prefix: string) => of('envoy_http_rbac_denied', { ...listener, envoy_rbac_http_prefix: prefix });
const refused = of('envoy_http_jwt_authn_denied', listener);
const shadow = of('envoy_http_rbac_shadow_denied', { ...listener, envoy_rbac_http_prefix: 'shadow_allow_' });
const shadowLimit = of('envoy_http_local_rate_limit_shadow_mode');
const limited = of('envoy_http_local_rate_limit_enforced');
const fetched = (how: string) => of(`envoy_http_jwt_authn_jwks_fetch_${how}`, listener);
const days = 86_400;

const cases: readonly Case[] = [
  { alert: 'EvengateOperatorDown', at: 20, labels: {}, fires: { [build]: '1x5 stale' }, quiet: { [build]: '1x20' } },
  {
    alert: 'EvengateNoLeader',
    at: 5,
    labels: { name: 'evengate-evengate' },
    fires: { [leader('a')]: '0x9', [leader('b')]: '0x9' },
    quiet: { [leader('a')]: '0x9', [leader('b')]: '1x9' },
  },
  {
    alert: 'EvengateCacheStale',
    at: 5,
    labels: { job: 'evengate', cache: 'routes' },
    value: '3m 0s',
    fires: { 'evengate_cache_behind_seconds{job="evengate",cache="routes"}': '180x9' },
    quiet: { 'evengate_cache_behind_seconds{job="evengate",cache="routes"}': '60x9' },
  },
  {
    alert: 'EvengateQueueGrows',
    at: 40,
    labels: { job: 'evengate', instance: 'a', controller: 'edge', name: 'edge' },
    value: '80',
    fires: { [depth]: '0+2x60', [build]: '1x60' },
    quiet: { [depth]: '30x20 60x40', [build]: '1x60' },
  },
  {
    alert: 'EvengateReconcileErrors',
    at: 40,
    labels: { job: 'evengate', controller: 'fleet' },
    fires: { [errors]: '0+3x60', [build]: '1x60' },
    quiet: { [errors]: '0x10 3x50', [build]: '1x60' },
  },
  {
    alert: 'EvengateObjectsNotServed',
    at: 20,
    labels: { kind: 'Route', state: 'blocked' },
    value: '2',
    fires: { 'evengate_objects{kind="Route",state="blocked"}': '2x20' },
    quiet: { 'evengate_objects{kind="Route",state="degraded"}': '2x20' },
  },
  {
    alert: 'EvengateGatewayNotProgrammed',
    at: 6,
    labels: edge,
    fires: { [of('evengate_gateway_programmed')]: '0x9' },
    quiet: { [of('evengate_gateway_programmed')]: '0x4 1 0x4' },
  },
  {
    alert: 'EvengatePublicationRejected',
    at: 6,
    labels: edge,
    fires: { [of('evengate_gateway_rejections_total')]: '0x4 1x9' },
    quiet: { [of('evengate_gateway_rejections_total')]: '5x9' },
  },
  {
    alert: 'EvengateLastGoodInUse',
    at: 16,
    labels: edge,
    fires: { [of('evengate_gateway_rejected')]: '1x20' },
    quiet: { [of('evengate_gateway_rejected')]: '1x9 0x20' },
  },
  {
    alert: 'EvengateGatewayDown',
    at: 5,
    labels: { ...edge, state: 'ready' },
    fires: { [pods('ready')]: '0x9', [pods('wanted')]: '2x9' },
    quiet: { [pods('ready')]: '0x9', [pods('wanted')]: '0x9' },
  },
  {
    alert: 'EvengatePodsMissing',
    at: 16,
    labels: edge,
    value: '1',
    fires: { [pods('ready')]: '1x20', [pods('wanted')]: '2x20' },
    quiet: { [pods('ready')]: '2x20', [pods('wanted')]: '2x20' },
  },
  {
    alert: 'EvengateEnvoysDisagree',
    at: 12,
    labels: { ...edge, envoy_rds_route_config: 'http-80' },
    value: '2',
    fires: { [table('edge-1')]: '11174205959332225220x20', [table('edge-2')]: '5234939187549052705x20' },
    quiet: { [table('edge-1')]: '11174205959332225220x20', [table('edge-2')]: '5x9 11174205959332225220x20' },
  },
  {
    alert: 'EvengateConfigNearLimit',
    at: 11,
    labels: edge,
    value: '85%',
    fires: { [of('evengate_gateway_config_usage_ratio')]: '0.85x20' },
    quiet: { [of('evengate_gateway_config_usage_ratio')]: '0.75x20' },
  },
  {
    alert: 'EvengateCertificateExpires',
    at: 70,
    labels: { ...edge, secret: 'shop/wild.example' },
    value: '9d 22h 50m 0s',
    fires: { [certificate]: `${10 * days}x90` },
    quiet: { [certificate]: `${30 * days}x90` },
  },
  {
    alert: 'EvengateCertificateExpires',
    at: 70,
    labels: { ...edge, secret: 'certs/wild' },
    value: '9d 22h 50m 0s',
    fires: { [foreign]: `${10 * days}x90` },
    quiet: { [foreign]: `${30 * days}x90` },
  },
  {
    alert: 'EvengateCertificateEnds',
    at: 60,
    labels: { ...edge, secret: 'shop/wild.example' },
    value: '23h 0m 0s',
    fires: { [certificate]: `${days}x90` },
    quiet: { [certificate]: `${3 * days}x90` },
  },
  {
    alert: 'EvengateErrorsFast',
    at: 60,
    labels: edge,
    value: '2%',
    fires: { [answers('2')]: '0+980x90', [answers('5')]: '0+20x90' },
    quiet: { [answers('2')]: '0+999x90', [answers('5')]: '0+1x90' },
  },
  {
    alert: 'EvengateErrorsSlow',
    at: 360,
    labels: edge,
    value: '1%',
    fires: { [answers('2')]: '0+990x400', [answers('5')]: '0+10x400' },
    quiet: { [answers('2')]: '0+995x400', [answers('5')]: '0+5x400' },
  },
  {
    alert: 'EvengateDeniedSurge',
    at: 400,
    labels: edge,
    value: '20',
    fires: { [denied('allow_')]: '0+6x380 2280+600x40', [refused]: '0+6x380 2280+600x40' },
    quiet: { [denied('allow_')]: '0+600x420', [refused]: '0+600x420' },
  },
  {
    alert: 'EvengateLimitedSurge',
    at: 30,
    labels: edge,
    value: '5',
    fires: { [limited]: '0+300x60', [answers('4')]: '0+600x60' },
    quiet: { [limited]: '0+300x60', [answers('2')]: '0+60000x60' },
  },
  {
    alert: 'EvengateShadowWouldDeny',
    at: 30,
    labels: edge,
    value: '30',
    fires: { [shadow]: '0+1x60', [shadowLimit]: '0+1x60' },
    quiet: { [shadow]: '7x60', [shadowLimit]: '0x60' },
  },
  {
    alert: 'EvengateKeysNotFetched',
    at: 40,
    labels: { ...edge, ...listener },
    fires: { [fetched('failed')]: '0+1x60', [fetched('success')]: '4x60' },
    quiet: { [fetched('failed')]: '0+1x60', [fetched('success')]: '0+1x60' },
  },
];

/** As Prometheus fills them in; pipes in templates only format the value. */
function annotationsOf({ alert, labels, value = '' }: Case): Readonly<Record<string, string>> {
  const written = Object.entries(alerts.get(alert)?.annotations ?? {});
  const filled = written.map(([name, text]) => [
    name,
    text
      .replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => labels[label] ?? '')
      .replaceAll(/\{\{ \$value[^}]*\}\}/g, value),
  ]);
  return Object.fromEntries(filled) as Readonly<Record<string, string>>;
}

function inputOf(series: Series): readonly object[] {
  return Object.entries(series).map(([name, values]) => ({ series: name, values }));
}

function unitTest(one: Case, isFiring: boolean): object {
  const { alert, at, labels } = one;
  const firing = {
    exp_labels: { ...alerts.get(alert)?.labels, ...labels },
    exp_annotations: annotationsOf(one),
  };
  return {
    name: `${alert} ${isFiring ? 'fires' : 'is quiet'}`,
    interval: '1m',
    input_series: inputOf(isFiring ? one.fires : one.quiet),
    alert_rule_test: [{ eval_time: `${at}m`, alertname: alert, exp_alerts: isFiring ? [firing] : [] }],
  };
}

const promtool = await goProgram(tools.promtool);
const directory = mkdtempSync(join(tmpdir(), 'evengate-rules-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function run(...parameters: readonly string[]): Promise<string> {
  if ('skip' in promtool) throw new Error(promtool.skip);
  const { stdout } = await promisify(execFile)(promtool.binary, parameters);
  return stdout;
}

test('every alert has a case, a severity, a summary, a description and a place in the docs', () => {
  expect([...alerts.keys()].toSorted()).toEqual([...new Set(cases.map(({ alert }) => alert))].toSorted());
  for (const [alert, { labels = {}, annotations = {} }] of alerts) {
    expect([alert, labels['severity']]).toEqual([alert, expect.stringMatching(/^(critical|warning|info)$/)]);
    expect(Object.keys(annotations)).toEqual(['summary', 'description', 'runbook']);
    expect(annotations['runbook']).toMatch(/^docs\/troubleshooting\.md#[a-z-]+$/);
  }
});

('skip' in promtool ? describe.skip : describe)('promtool', () => {
  test('finds nothing against the rules', async () => {
    expect(await run('check', 'rules', '--lint=all', '--lint-fatal', rulesFile)).toContain('SUCCESS');
  });

  test('sees every alert fire on what it is about, and not on what is usual', async () => {
    const file = join(directory, 'alerts.yaml');
    const tests = cases.flatMap((one) => [unitTest(one, true), unitTest(one, false)]);
    writeFileSync(file, JSON.stringify({ rule_files: [rulesFile], evaluation_interval: '1m', tests }));
    expect(await run('test', 'rules', file)).toContain('SUCCESS');
  });
});
