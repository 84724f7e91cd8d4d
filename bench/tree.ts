/** ConfigMap-mode tables on a real Envoy: does the last of 1,000 routes answer as fast as the first? */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { cpuMilliseconds } from './cpu.ts';
import { type Figure, median } from './figures.ts';
import type { Answered, Load } from './load.ts';
import { host, pathOf, routes, startTableEnvoy, type Table, type TableEnvoy } from './table-envoy.ts';

const rounds = 7;
const seconds = 0.8;

interface Sample {
  /** Requests a second. */
  readonly rate: number;
  /** Of Envoy's CPU a request: what a busy machine does not change much. */
  readonly microseconds: number;
}

interface Place {
  readonly table: Table;
  readonly index: number;
}

const places = { first: 0, middle: routes / 2, last: routes - 1 } as const;
const tables = ['tree', 'list', 'guarded'] as const;

export async function tree(): Promise<readonly Figure[]> {
  const envoy = await startTableEnvoy();
  const client = fork(fileURLToPath(new URL('load.ts', import.meta.url)));
  const samples = new Map<string, Sample[]>();
  try {
    // Every place in turn, again and again: what else the machine does falls on all alike. The first round warms up.
    for (const { round, key, place } of turns()) {
      const sample = await measure(place, envoy, client);
      if (round > 0) samples.set(key, [...(samples.get(key) ?? []), sample]);
    }
  } finally {
    client.kill();
    await envoy.stop();
  }
  return tables.flatMap((table) => figuresOf(table, (name) => samples.get(`${table} ${name}`) ?? []));
}

function turns(): readonly { readonly round: number; readonly key: string; readonly place: Place }[] {
  const once = tables.flatMap((table) =>
    Object.entries(places).map(([name, index]) => ({ key: `${table} ${name}`, place: { table, index } })),
  );
  return Array.from({ length: rounds + 1 }, (_, round) => once.map((turn) => ({ ...turn, round }))).flat();
}

async function measure({ table, index }: Place, envoy: TableEnvoy, client: ReturnType<typeof fork>): Promise<Sample> {
  const token = table === 'guarded' ? `authorization: Bearer ${envoy.token}\r\n` : '';
  const request = `GET ${pathOf(index)} HTTP/1.1\r\nhost: ${host}\r\n${token}\r\n`;
  const before = cpuMilliseconds(envoy.pid);
  client.send({ port: envoy.portOf(table), request, seconds } satisfies Load);
  const [answered] = (await once(client, 'message')) as [Answered];
  if (answered.status !== 200) throw new Error(`${table} ${index} answers ${answered.status}`);
  const cpu = cpuMilliseconds(envoy.pid) - before;
  return { rate: answered.answers / seconds, microseconds: (cpu * 1000) / answered.answers };
}

function figuresOf(table: Table, at: (name: keyof typeof places) => readonly Sample[]): readonly Figure[] {
  const rate = (name: keyof typeof places) => median(at(name).map((sample) => sample.rate));
  const cost = (name: keyof typeof places) => median(at(name).map(({ microseconds }) => microseconds)).toFixed(1);
  const ratio = median(at('last').map((sample, round) => sample.rate / (at('first')[round]?.rate ?? Number.NaN)));
  const note = `first ${rate('first').toFixed(0)}, middle ${rate('middle').toFixed(0)}, last ${rate('last').toFixed(0)} requests/s; Envoy's CPU ${cost('first')}, ${cost('middle')}, ${cost('last')} µs each`;
  const target = { kind: 'least', value: 0.9 } as const;
  const perCpu = median(at('first').map((first, round) => first.microseconds / (at('last')[round]?.microseconds ?? 0)));
  const aim = table === 'list' ? {} : { target };
  return [
    { name: `1,000 routes, ${table}: last/first, requests a second`, value: ratio, unit: '', ...aim, note },
    { name: `1,000 routes, ${table}: last/first, requests a second of Envoy's CPU`, value: perCpu, unit: '', ...aim },
  ];
}
