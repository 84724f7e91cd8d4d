/** The charts, as Helm itself reads them. On a cluster they are tried in e2e/helm. */
import { execFileSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import process from 'node:process';
import { afterAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { type InstallOptions, installation } from '../src/controllers/operator/install.ts';
import { oldestKubernetes } from '../src/controllers/preflight/api-server.ts';
import type { KubeObject } from '../src/kube/object.ts';
import { evengateVersion } from '../src/version.ts';
import { installed } from './charts/agreement.ts';
import { called, charts, helmAt, manifests, type Release, rendered, root, template } from './charts/helm.ts';
import { installYaml } from './charts/install-yaml.ts';
import { rightsFile, shown } from './charts/show.ts';
import { goProgram, judges, tools } from './tools/go-program.ts';

const program = await goProgram(tools.helm);
const decoder = await goProgram(judges.objects);
const describeHelm = 'skip' in program ? describe.skip : describe;
const describeDecoder = 'skip' in program || 'skip' in decoder ? describe.skip : describe;
const helm = helmAt('skip' in program ? 'helm' : program.binary);

const goldens = join(import.meta.dirname, 'charts/golden');
const cases = readdirSync(goldens).toSorted();
const version = evengateVersion();

function valuesOf(name: string): object {
  return parse(readFileSync(join(goldens, name, 'values.yaml'), 'utf8')) as object;
}

function show(release: Release = {}): readonly KubeObject[] {
  return rendered(helm, release);
}

function find(objects: readonly KubeObject[], kind: string): KubeObject {
  const object = objects.find((one) => one.kind === kind);
  if (object === undefined) throw new Error(`there is no ${kind}`);
  return object;
}

describeHelm('helm template', () => {
  test.each(cases)('%s', (name) => {
    const file = join(goldens, name, 'objects.yaml');
    const text = shown(show({ values: valuesOf(name) }));
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, text);
    expect(text).toBe(readFileSync(file, 'utf8'));
  });

  test('says the same each time, whatever the cluster and the kind of command', () => {
    const values = valuesOf('observed');
    const again = template(helm, { values, flags: ['--is-upgrade', '--api-versions', 'evengate.dev/v1alpha1/Route'] });
    expect(again.stdout).toBe(template(helm, { values }).stdout);
  });

  test('everything is of the release, but what nobody of the chart wrote', () => {
    const objects = show({ name: 'a', namespace: 'b', values: { ...valuesOf('observed'), extraObjects: [] } });
    for (const object of objects) {
      const { labels, namespace } = object.metadata;
      expect([called(object), labels]).toEqual([
        called(object),
        expect.objectContaining({
          'app.kubernetes.io/instance': 'a',
          'app.kubernetes.io/version': version,
          'app.kubernetes.io/managed-by': 'Helm',
          'helm.sh/chart': `evengate-${version}`,
        }),
      ]);
      expect(namespace).toBe(object.kind.startsWith('Cluster') ? undefined : 'b');
    }
  });

  test('a name of 53 characters leaves room for what is appended', () => {
    const objects = show({ name: 'x'.repeat(53) });
    for (const { metadata } of objects) expect(metadata.name.length).toBeLessThanOrEqual(63);
  });
});

describeHelm('the Deployment', () => {
  /** A Deployment's selector can never change: with another one, no upgrade from any version works. */
  test.each(cases)('has the selector of every version, which its Pods meet and others do not: %s', (name) => {
    const objects = show({ name: 'release', values: valuesOf(name) });
    const { selector, template: pod } = find(objects, 'Deployment').spec as {
      readonly selector: object;
      readonly template: { readonly metadata: { readonly labels: object } };
    };
    const labels = { 'app.kubernetes.io/name': 'evengate', 'app.kubernetes.io/instance': 'release' };
    expect(selector).toEqual({ matchLabels: labels });
    expect(pod.metadata.labels).toEqual(expect.objectContaining(labels));
    expect(find(objects, 'Pod').metadata.labels).not.toEqual(expect.objectContaining(labels));
  });

  test('its Pods and the test’s are what Pod Security calls restricted', () => {
    const objects = show();
    const { spec } = (find(objects, 'Deployment').spec as { readonly template: { readonly spec: object } }).template;
    for (const pod of [spec, find(objects, 'Pod').spec]) {
      expect(pod).toMatchObject({
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [
          {
            securityContext: {
              allowPrivilegeEscalation: false,
              capabilities: { drop: ['ALL'] },
              readOnlyRootFilesystem: true,
            },
          },
        ],
      });
      for (const field of ['hostNetwork', 'hostPID', 'hostIPC', 'volumes']) expect(pod).not.toHaveProperty(field);
    }
  });
});

describeHelm('two releases', () => {
  function shared(one: Release, other: Release): readonly string[] {
    const taken = new Set(show(one).map(called));
    return show(other)
      .map(called)
      .filter((name) => taken.has(name));
  }
  const first = { name: 'a', namespace: 'one' };
  const second = { name: 'b', namespace: 'two' };

  test('of one class meet at the rights to serve it, so that Helm refuses the second', () => {
    const rights = ['ClusterRole evengate-class-evengate', 'ClusterRoleBinding evengate-class-evengate'];
    expect(shared(first, second)).toEqual(rights);
    expect(shared(first, { ...second, namespace: 'one' })).toEqual(rights);
  });

  test('of two classes share nothing', () => {
    expect(shared(first, { ...second, values: { className: 'internal' } })).toEqual([]);
  });

  test('of one class in some namespaces meet where both would watch', () => {
    const watching = (...watchNamespaces: readonly string[]) => ({ values: { watchNamespaces } });
    const meet = (...names: readonly string[]) =>
      shared({ ...first, ...watching('shop', 'gateways') }, { ...second, ...watching(...names) });
    expect(meet('shop')).toEqual(['Role shop/evengate-class-evengate', 'RoleBinding shop/evengate-class-evengate']);
    expect(meet('office')).toEqual([]);
  });
});

describeHelm('rights', () => {
  const rightsWith = (values: object) => installed(show({ values })).rights;
  const secretRights = (values: object) =>
    Object.entries(rightsWith(values)).flatMap(([where, rights]) =>
      rights.some((right) => right.endsWith(' /secrets')) ? [where] : [],
    );

  test('none of the cluster are asked for by an operator of some namespaces', () => {
    const objects = show({ values: valuesOf('watched-namespaces') });
    expect(objects.filter(({ kind }) => kind.startsWith('Cluster'))).toEqual([]);
    expect(Object.keys(installed(objects).rights).toSorted()).toEqual(['evengate-system', 'gateways', 'shop']);
  });

  test.each<readonly [string, object, readonly string[]]>([
    ['none', { secrets: { access: 'none' } }, []],
    ['namespaced', { secrets: { access: 'namespaced', namespaces: ['a', 'b'] } }, ['a', 'b']],
    ['namespaced, watching', { watchNamespaces: ['a', 'b'], secrets: { access: 'namespaced' } }, ['a', 'b']],
    ['cluster', { secrets: { access: 'cluster' } }, ['*']],
  ])('on Secrets: %s', (_, values, where) => {
    expect(secretRights(values)).toEqual(where);
    const { arguments: flags } = installed(show({ values }));
    expect(flags.includes('--read-secrets')).toBe(where.length > 0);
    const named = flags.filter((flag) => flag.startsWith('--secret-namespace='));
    expect(named).toEqual(where.filter((one) => one !== '*').map((one) => `--secret-namespace=${one}`));
  });

  test('there is no wildcard among them', () => {
    const rules = Object.values(rightsFile()).flat();
    expect(rules.filter((rule) => Object.values(rule).flat().includes('*'))).toEqual([]);
  });
});

describeHelm('evengate install', () => {
  const common = { namespace: 'evengate-system', image: `evengate:${version}`, className: 'evengate', replicas: 2 };
  /** What one of them alone says. The chart gives an operator of some namespaces no rights in the cluster at all. */
  function alike({ rights, ...rest }: ReturnType<typeof installed>, watched: readonly string[] | undefined) {
    return { ...rest, rights: watched === undefined ? rights : { ...rights, '*': undefined } };
  }

  test.each<readonly [string, Partial<InstallOptions>, object]>([
    ['as it comes', {}, {}],
    ['another class, one replica', { className: 'internal', replicas: 1 }, { className: 'internal', replicas: 1 }],
    ['with Secrets', { readSecrets: true }, { secrets: { access: 'cluster' } }],
    ['with an Envoy', { envoyImage: 'mirror/envoy:v1' }, { envoy: { image: 'mirror/envoy:v1' } }],
    [
      "with an agent of Istio's",
      { istioAgentImage: 'mirror/proxyv2:v1' },
      { istioAgent: { image: 'mirror/proxyv2:v1' } },
    ],
    ['in some namespaces', { watchNamespaces: ['a', 'b'] }, { watchNamespaces: ['a', 'b'] }],
    [
      'in some namespaces, before Istio',
      { watchNamespaces: ['a'], istioNamespace: 'istio-system', istioRevisions: ['default', 'stable'] },
      { watchNamespaces: ['a'], mesh: { istioNamespace: 'istio-system', istioRevisions: ['default', 'stable'] } },
    ],
    ['in all namespaces, before Istio', { istioNamespace: 'x' }, { mesh: { istioNamespace: 'x' } }],
    ['of an image', { image: 'mirror/evengate:2' }, { image: { repository: 'mirror/evengate', tag: '2' } }],
  ])('is the chart without Helm: %s', (_, options, values) => {
    const plain = installed(installation({ ...common, readSecrets: false, ...options }));
    const chart = installed(show({ values }));
    expect(alike(chart, options.watchNamespaces)).toEqual(alike(plain, options.watchNamespaces));
  });

  test('charts/install.yaml is the charts without Helm', () => {
    const text = installYaml(helm);
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(join(root, 'charts/install.yaml'), text);
    expect(readFileSync(join(root, 'charts/install.yaml'), 'utf8')).toBe(text);
    const objects = manifests(text);
    expect(text).not.toMatch(/helm/i);
    expect(installed(objects)).toEqual(installed(installation({ ...common, readSecrets: false })));
    const order = objects.map(({ kind }) => kind);
    expect(order.indexOf('Namespace')).toBeLessThan(order.indexOf('ServiceAccount'));
  });
});

describeHelm('values that cannot be', () => {
  test.each<readonly [string, object, string]>([
    ['a misspelt name', { replica: 3 }, "at '': additional properties 'replica' not allowed"],
    ['… in a section', { image: { tga: 'x' } }, "at '/image': additional properties 'tga' not allowed"],
    ['what this chart has not', { crds: { enabled: true } }, "at '': additional properties 'crds' not allowed"],
    ['nobody to work', { replicas: 0 }, "at '/replicas': minimum: got 0, want 1"],
    ['a text for a number', { replicas: '3' }, "at '/replicas': got string, want integer"],
    ['a text for a section', { image: 'evengate:1' }, "at '/image': got string, want object"],
    ['a section that is gone', { secrets: null }, 'secrets.access: it has no value; set one instead of null'],
    ['a value that is gone', { image: { tag: null } }, 'image.tag: it has no value; set one instead of null'],
    ['a text for a list', { watchNamespaces: 'shop' }, "at '/watchNamespaces': got string, want array"],
    ['a namespace twice', { watchNamespaces: ['a', 'a'] }, "at '/watchNamespaces': items at 0 and 1 are equal"],
    ['no namespace', { watchNamespaces: ['Shop'] }, "at '/watchNamespaces/0': 'Shop' does not match pattern"],
    ['no class', { className: 'Internal' }, "at '/className': 'Internal' does not match pattern"],
    ['an empty class', { className: '' }, "at '/className': minLength: got 0, want 1"],
    ['no digest', { image: { digest: 'latest' } }, "at '/image/digest': 'latest' does not match pattern"],
    [
      'an unknown access',
      { secrets: { access: 'all' } },
      "at '/secrets/access': value must be one of 'none', 'namespaced', 'cluster'",
    ],
    ['a label that is no text', { podLabels: { a: 1 } }, "at '/podLabels/a': got number, want string"],
    [
      'an unknown level',
      { logLevel: 'trace' },
      "at '/logLevel': value must be one of 'error', 'warn', 'info', 'debug'",
    ],
    ['no URL', { tracing: { endpoint: 'collector:4318' } }, "at '/tracing/endpoint': 'collector:4318' does not match"],
    [
      'no duration',
      { metrics: { podMonitor: { interval: '30' } } },
      "at '/metrics/podMonitor/interval': '30' does not match pattern",
    ],
    [
      'half a Pod',
      { podDisruptionBudget: { maxUnavailable: 0.5 } },
      "at '/podDisruptionBudget/maxUnavailable': 'anyOf' failed",
    ],
    [
      'rights in the cluster for some namespaces',
      { watchNamespaces: ['a'], secrets: { access: 'cluster' } },
      'secrets.access: cluster asks for rights in all namespaces, while watchNamespaces names some; say namespaced, or watch all',
    ],
    [
      'Secrets of nowhere',
      { secrets: { access: 'namespaced' } },
      'secrets.namespaces: secrets.access is namespaced, and no namespace is named; name those whose Secrets may be read',
    ],
    [
      'Secrets of somewhere, without access',
      { secrets: { namespaces: ['a'] } },
      'secrets.namespaces: it means nothing while secrets.access is none; set secrets.access=namespaced, or remove it',
    ],
    [
      'Secrets of what is not watched',
      { watchNamespaces: ['a'], secrets: { access: 'namespaced', namespaces: ['b'] } },
      'secrets.namespaces: b is not among watchNamespaces',
    ],
    [
      'revisions of no Istio',
      { mesh: { istioRevisions: ['stable'] } },
      'mesh.istioRevisions: it means nothing while mesh.istioNamespace is empty; name the namespace of Istio',
    ],
  ])('%s', (_, values, sentence) => {
    const { code, stdout, stderr } = template(helm, { values });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(sentence);
  });
});

describeHelm('helm test', () => {
  test.each(cases.filter((name) => name !== 'own-rights'))(
    'asks about the operator as it was told to work: %s',
    (name) => {
      const objects = show({ values: valuesOf(name) });
      const { containers } = find(objects, 'Pod').spec as {
        readonly containers: readonly [{ readonly args: readonly string[] }];
      };
      const [command, ...asked] = containers[0].args;
      const scope = (flags: readonly string[]) =>
        flags.filter((flag) => /^--(class|watch|read|secret|mesh)/.test(flag)).toSorted();
      expect(command).toBe('check');
      expect(scope(asked)).toEqual(scope(installed(objects).arguments));
    },
  );
});

describeHelm('files of others', () => {
  test('rules.yaml becomes a PrometheusRule, braces and all', () => {
    const rules = parse(readFileSync(join(charts.operator, 'rules.yaml'), 'utf8')) as unknown;
    const objects = show({
      values: { metrics: { prometheusRule: { enabled: true, labels: { release: 'prometheus' } } } },
    });
    expect(find(objects, 'PrometheusRule')).toMatchObject({
      metadata: { name: 'evengate', labels: { release: 'prometheus' } },
      spec: rules,
    });
  });

  test('each dashboard becomes a ConfigMap that Grafana’s sidecar finds', () => {
    const paths = globSync(join(charts.operator, 'dashboards/*.json')).toSorted();
    const values = { dashboards: { enabled: true, namespace: 'grafana', annotations: { grafana_folder: 'Edge' } } };
    const found = show({ values }).filter(({ kind }) => kind === 'ConfigMap');
    expect(found).toEqual(
      paths.map((path) => ({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: {
          name: `evengate-dashboard-${basename(path, '.json').replace(/^evengate-/, '')}`,
          namespace: 'grafana',
          labels: expect.objectContaining({ grafana_dashboard: '1' }),
          annotations: { grafana_folder: 'Edge' },
        },
        data: { [basename(path)]: readFileSync(path, 'utf8') },
      })),
    );
  });

  test('are not missed', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ev-bare-'));
    try {
      cpSync(charts.operator, folder, { recursive: true });
      for (const path of ['rules.yaml', 'dashboards']) rmSync(join(folder, path), { recursive: true, force: true });
      const values = { dashboards: { enabled: true }, metrics: { prometheusRule: { enabled: true } } };
      expect(show({ chart: folder, values }).map(called)).toEqual(show().map(called));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describeHelm('NOTES', () => {
  const notes = (...flags: readonly string[]) => {
    const words = ['install', 'edge', charts.operator, '--dry-run=client', '--set', 'className=internal', ...flags];
    const { code, stdout, stderr } = helm(words);
    if (code !== 0) throw new Error(stderr);
    return stdout.slice(stdout.indexOf('\nNOTES:\n'));
  };

  test('hold a command that can be pasted into a shell', () => {
    const text = notes();
    const command = text.slice(text.indexOf('kubectl apply'), text.indexOf('\nEOF\n') + 5);
    const applied = execFileSync('sh', ['-euc', `kubectl() { cat; }\n${command}`], { encoding: 'utf8' });
    const objects = manifests(applied);
    const example = manifests(readFileSync(join(charts.operator, 'files/example.yaml'), 'utf8'));
    expect(objects.map(called)).toEqual(['ApiGateway edge', 'Route hello', 'AuthPolicy hello']);
    expect(objects[0]).toMatchObject({ spec: { ...(example[0]?.spec as object), className: 'internal' } });
    expect(objects.slice(1)).toEqual(example.slice(1, 3));
  });

  test('tell of the other chart', () => {
    expect(notes()).toContain('helm install evengate-crds');
  });
});

describeHelm('a Kubernetes that is too old', () => {
  const { major, minor } = oldestKubernetes;

  test.each(Object.entries(charts))('is refused: %s', (_, chart) => {
    const { code, stderr } = template(helm, { chart, flags: ['--kube-version', `${major}.${minor - 1}.9`] });
    expect([code, stderr]).toEqual([1, expect.stringContaining(`requires kubeVersion: >=${major}.${minor}.0-0`)]);
  });
});

describeHelm('a chart that depends on it', () => {
  test('hands it its own values, what is global, and whether it is wanted', () => {
    const parent = mkdtempSync(join(tmpdir(), 'ev-parent-'));
    try {
      mkdirSync(join(parent, 'charts'));
      const dependency = { name: 'evengate', version, condition: 'evengate.enabled' };
      const chart = { apiVersion: 'v2', name: 'platform', version: '1.0.0', dependencies: [dependency] };
      writeFileSync(join(parent, 'Chart.yaml'), JSON.stringify(chart));
      expect(helm(['package', charts.operator, '--destination', join(parent, 'charts')])).toMatchObject({ code: 0 });
      const values = { global: { team: 'edge' }, evengate: { className: 'internal', enabled: true } };
      expect(installed(show({ chart: parent, values })).arguments).toContain('--class=internal');
      expect(show({ chart: parent, values: { evengate: { enabled: false } } })).toEqual([]);
    } finally {
      rmSync(parent, { recursive: true });
    }
  });
});

describeHelm('the definitions', () => {
  const chart = charts.definitions;

  test('are those of crds/, and are kept', () => {
    const found = show({ chart, name: 'crds' }).filter(({ kind }) => kind === 'CustomResourceDefinition');
    const plain = globSync(join(root, 'crds/*.yaml')).map((path) => parse(readFileSync(path, 'utf8')) as KubeObject);
    const marked = plain.map(({ metadata, ...crd }): readonly [string, unknown] => [
      `${crd.kind} ${metadata.name}`,
      {
        ...crd,
        metadata: {
          ...metadata,
          labels: expect.objectContaining({ 'app.kubernetes.io/name': 'evengate-crds' }),
          annotations: { 'helm.sh/resource-policy': 'keep' },
        },
      },
    ]);
    expect(new Map<string, unknown>(found.map((crd) => [called(crd), crd]))).toEqual(new Map(marked));
  });

  test('lend the usual roles their rights, where wanted', () => {
    const roles = show({ chart }).filter(({ kind }) => kind === 'ClusterRole');
    expect(roles.map(called)).toEqual(['ClusterRole evengate-view', 'ClusterRole evengate-edit']);
    const without = show({ chart, values: { aggregateRoles: false } });
    expect(new Set(without.map(({ kind }) => kind))).toEqual(new Set(['CustomResourceDefinition']));
    expect(template(helm, { chart, values: { keep: false } }).stderr).toContain("properties 'keep' not allowed");
  });
});

describeHelm('the archives', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ev-charts-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('lint finds nothing', () => {
    expect(helm(['lint', '--strict', ...Object.values(charts)])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('2 chart(s) linted, 0 chart(s) failed'),
    });
  });

  test.each(Object.entries(charts))('package: %s', (_, chart) => {
    expect(helm(['package', chart, '--destination', folder])).toMatchObject({ code: 0 });
    const archive = join(folder, `${basename(chart)}-${version}.tgz`);
    const packed = execFileSync('tar', ['-tzf', archive], { encoding: 'utf8' }).trim().split('\n');
    const written = globSync('**/*', { cwd: chart, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(chart.length - basename(chart).length));
    expect(packed.filter((path) => !path.endsWith('.helmignore')).toSorted()).toEqual(written.toSorted());
    expect(packed).toEqual(
      expect.arrayContaining([`${basename(chart)}/values.schema.json`, `${basename(chart)}/README.md`]),
    );
    expect(template(helm, { chart: archive }).stdout).toBe(template(helm, { chart }).stdout);
  });
});

test('templates ask no cluster, roll no dice, and have no hooks but tests', () => {
  const found = globSync(join(root, 'charts/*/templates/**/*'), { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .flatMap((entry) => {
      const text = readFileSync(join(entry.parentPath, entry.name), 'utf8');
      const words = text.match(
        /\b(lookup|rand\w+|gen[A-Z]\w+|uuidv4|now|date\w*|getHostByName|htpasswd)\b|helm\.sh\/hook"? "?[\w-]+/g,
      );
      // Prose of definitions is not executed.
      return entry.name.startsWith('evengate.dev_') || entry.name === 'NOTES.txt' ? [] : (words ?? []);
    });
  expect(found).toEqual(['helm.sh/hook" "test']);
});

describeDecoder('types of Kubernetes and of the Prometheus operator', () => {
  const others = /^apiextensions/;

  /** What is wrong with which object. */
  function wrong(objects: readonly KubeObject[]): readonly (readonly [string, string])[] {
    const known = objects.filter(({ apiVersion }) => !others.test(apiVersion));
    const input = known.map((object) => `${JSON.stringify(object)}\n`).join('');
    const verdicts = execFileSync('skip' in decoder ? '' : decoder.binary, { input, encoding: 'utf8' }).split('\n');
    expect(verdicts).toHaveLength(known.length + 1);
    return known.flatMap((object, index) => (verdicts[index] === '' ? [] : [[called(object), verdicts[index] ?? '']]));
  }

  test.each(cases)('hold every object: %s', (name) => {
    expect(wrong([...show({ values: valuesOf(name) }), ...show({ chart: charts.definitions })])).toEqual([]);
  });

  test('hold the rules', () => {
    const rules = show({ values: { metrics: { prometheusRule: { enabled: true } } } });
    expect(wrong([find(rules, 'PrometheusRule')])).toEqual([]);
  });

  test('refuse a field that they do not have', () => {
    const monitor = { apiVersion: 'monitoring.coreos.com/v1', kind: 'ServiceMonitor', metadata: { name: 'a' } };
    expect(wrong([{ ...monitor, spec: { endpoint: [] } }])).toEqual([
      ['ServiceMonitor a', expect.stringContaining('unknown field "spec.endpoint"')],
    ]);
  });

  test('hold what YAML would take for something else', () => {
    const texts = {
      commonLabels: { a: 'true', b: 'null', c: '1e3' },
      podAnnotations: { d: '#', e: '- x', f: '{{ }}' },
    };
    const names = { className: '1e3', serviceAccount: { name: '007' }, watchNamespaces: ['123', 'null', 'on'] };
    const values = {
      ...texts,
      ...names,
      metrics: { podMonitor: { enabled: true }, serviceMonitor: { enabled: true } },
    };
    const objects = show({ name: '1', namespace: '42', values: { ...values, priorityClassName: 'yes' } });
    expect(wrong(objects)).toEqual([]);
    expect(find(objects, 'ServiceMonitor').spec).toMatchObject({ namespaceSelector: { matchNames: ['42'] } });
    expect(find(objects, 'PodMonitor').spec).toMatchObject({
      namespaceSelector: { matchNames: ['123', 'null', 'on'] },
      selector: { matchLabels: { 'evengate.dev/class': '1e3' } },
    });
    expect(
      wrong([{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 7 as unknown as string } }]),
    ).toHaveLength(1);
  });
});
