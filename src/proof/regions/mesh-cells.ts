/** The requests that reach a Service inside the mesh, in cells: each is one path, method and host, with what else may decide there. */

import { normaliseTarget } from '../../resolve/explain/normalise-path.ts';
import type { MeshCall } from '../mesh-answer.ts';
import type { Destination } from '../world.ts';
import { type Atom, about, classesOf } from './atoms.ts';
import { type ChoiceContext, spacesOf } from './choices.ts';
import { meshAtoms } from './mesh-atoms.ts';
import { type Space, sizeOf, somewhere } from './space.ts';

export interface MeshCell {
  readonly destination: Destination;
  readonly base: MeshCall;
  readonly spaces: readonly Space[];
  readonly size: number;
}

/** `others` is asked beside what the objects ask. */
export function* meshCells(
  destination: Destination,
  context: ChoiceContext,
  others: readonly Atom[],
): Iterable<MeshCell> {
  const { objects, meant } = destination.workload;
  const all = [...meshAtoms(objects, () => undefined), ...others];
  const classes = (name: 'path' | 'method' | 'host', usual: readonly string[], isPossible: (one: string) => boolean) =>
    classesOf(about(name, all), { usual, isPossible });
  const paths = classes('path', ['/', '/none'], isPlainPath);
  const methods = classes('method', usualMethods, (one) => usualMethods.includes(one));
  const dialled = `${destination.service}.${meant.namespace}`;
  const hosts = classes('host', [dialled, `${dialled}:${destination.port}`], (one) => plainHost.test(one));
  for (const path of paths) {
    for (const method of methods) {
      for (const host of hosts) yield cellOf(destination, { path, method, host }, { context, others });
    }
  }
}

function cellOf(
  destination: Destination,
  { path, method, host }: Pick<MeshCall, 'path' | 'method' | 'host'>,
  { context, others }: { readonly context: ChoiceContext; readonly others: readonly Atom[] },
): MeshCell {
  const known = ({ attribute, holds }: Atom) => {
    if (attribute === 'path') return holds(path);
    if (attribute === 'method') return holds(method);
    return attribute === 'host' ? holds(host) : undefined;
  };
  const rest = ['path', 'method', 'host', 'principal', 'direct', 'remote'];
  const atoms = [...meshAtoms(destination.workload.objects, known), ...others].filter(
    ({ attribute }) => !rest.includes(attribute),
  );
  const spaces = spacesOf(atoms, context);
  const size = spaces.reduce((sum, space) => sum + sizeOf(space), 0);
  return { destination, base: baseCall(method, path, host), spaces, size };
}

/** Without what the spaces say. */
export function baseCall(method: string, path: string, host: string): MeshCall {
  const addresses = { directIp: '10.0.0.1', remoteIp: somewhere };
  return { method, path, host, headers: new Map(), principal: undefined, ...addresses };
}

/** As people write them; Envoy takes more. */
export const usualMethods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'PURGE'];

/** A name, and a port: what an edge lets through. */
export const plainHost = /^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_-])?(:[0-9]+)?$/;

/** Which an edge forwards as it is. */
export function isPlainPath(path: string): boolean {
  if (!path.startsWith('/') || /[?#;[\]\\]|%3b/i.test(path)) return false;
  const target = normaliseTarget(path);
  return target.kind === 'path' && target.path === path;
}
