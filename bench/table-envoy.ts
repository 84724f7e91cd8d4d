/** One Envoy of one worker with 1,000 routes on one host: as a tree, as a plain list, and behind a JWT. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeObject } from '../src/kube/object.ts';
import type { Edge, EdgeFile } from '../src/render/edge.ts';
import { freePort } from '../src/testing/ports.ts';
import { signingKey } from '../src/testing/rig-tokens.ts';
import { startOne } from './one-envoy.ts';

export const routes = 1000;
export const host = 'bench.example.com';
const ours = 'evengate.dev/v1alpha1';
const ports = { tree: 80, list: 81, guarded: 82 } as const;

export type Table = keyof typeof ports;

export interface TableEnvoy {
  readonly pid: number;
  readonly token: string;
  portOf(table: Table): number;
  stop(): Promise<void>;
}

function objects(jwks: string): readonly KubeObject[] {
  const meta = (name: string) => ({ name, namespace: 'bench' });
  const listeners = Object.entries(ports).map(([name, port]) => ({ name, port, protocol: 'HTTP' }));
  const guard = {
    targetRefs: [{ kind: 'ApiGateway', name: 'edge', sectionName: 'guarded' }],
    sufficient: true,
    authenticate: { jwt: [{ name: 'corp', issuer: 'https://login.example.com', jwks: { inline: jwks } }] },
    authorize: {
      allow: [{ name: 'readers', to: [{ methods: ['GET'] }], when: [{ claim: 'scope', values: ['read'] }] }],
    },
  };
  return [
    { apiVersion: ours, kind: 'ApiGateway', metadata: meta('edge'), spec: { listeners, defaultAccess: 'Public' } },
    { apiVersion: ours, kind: 'AuthPolicy', metadata: meta('guard'), spec: guard },
    ...Array.from({ length: routes }, (_, index) => ({
      apiVersion: ours,
      kind: 'Route',
      metadata: meta(`route-${1000 + index}`),
      spec: {
        parentRefs: [{ name: 'edge' }],
        hostnames: [host],
        rules: [{ matches: [{ path: { value: pathOf(index) } }], respond: { status: 200 } }],
      },
    })),
  ];
}

/** Of the route at this place: all are of one length, so their order is that of their names. */
export function pathOf(index: number): string {
  return `/api/v1/things-${1000 + index}`;
}

export async function startTableEnvoy(): Promise<TableEnvoy> {
  const directory = await mkdtemp(join(tmpdir(), 'evengate-bench-'));
  const key = await signingKey('first', 'RS256');
  const bound = new Map<number, number>();
  for (const port of Object.values(ports)) bound.set(port, await freePort());
  const bind = (_: unknown, port: number) => ({ address: '127.0.0.1', port: bound.get(port) ?? 0 });
  const { envoy } = await startOne({ directory, objects: objects(key.jwks), placement: { bind }, textOf });
  return {
    pid: envoy.pid,
    token: (await key.sign({ scope: 'read' })).text,
    portOf: (table) => bound.get(ports[table]) ?? 0,
    stop: async () => {
      await envoy.stop();
      await rm(directory, { recursive: true });
    },
  };
}

function textOf(file: EdgeFile, { revision }: Edge): string {
  const text = file.text(revision);
  return file.name === `rds-http-${ports.list}.json` ? asList(text) : text;
}

interface Host {
  readonly domains: readonly string[];
  readonly routes?: readonly { readonly name: string }[];
  readonly matcher?: unknown;
}

/** The same table as anybody would write it: without the tree, each route once, in order of precedence. */
function asList(text: string): string {
  const response = JSON.parse(text) as { resources: { virtual_hosts: Host[] }[] };
  for (const table of response.resources) {
    table.virtual_hosts = table.virtual_hosts.map(({ matcher, ...rest }) => {
      if (matcher === undefined) return rest;
      const found = [...JSON.stringify(matcher).matchAll(/"name":"bench\/route-\d+\/rule-0\/0"/g)].length;
      if (found < routes) throw new Error(`the tree holds ${found} routes`);
      const all = new Map(routesIn(matcher).map((route) => [route.name, route]));
      const last = all.get('not-found');
      all.delete('not-found');
      const ordered = [...all].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, route]) => route);
      return { ...rest, routes: last === undefined ? ordered : [...ordered, last] };
    });
  }
  return JSON.stringify(response);
}

function routesIn(value: unknown): readonly { readonly name: string }[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('routes' in value && Array.isArray(value.routes)) return value.routes as { readonly name: string }[];
  return Object.values(value).flatMap(routesIn);
}
