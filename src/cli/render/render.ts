/** `evengate render`: what Envoy would be told, which objects would run it and bind the mesh, and what the statuses would say. */
import { createHash } from 'node:crypto';
import { stringify } from 'yaml';
import type { Gateway } from '../../ir/gateway.ts';
import { describeRef, type ObjectKey, type ObjectRef } from '../../kube/object.ts';
import { type ObjectStatus, statuses } from '../../reconcilers/statuses.ts';
import { statusWorld } from '../../reconcilers/world.ts';
import { type Edge, edgeRenderer } from '../../render/edge.ts';
import { envoyImage } from '../../render/envoy-process.ts';
import { inCluster } from '../../render/in-cluster.ts';
import { children } from '../../render/workload.ts';
import type { Delivery } from '../../status/conditions.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { type TextFile, writeFiles } from '../files.ts';
import { textReport } from '../findings.ts';
import type { Io } from '../io.ts';
import { complain, type Loaded, loadSource, type SourceOptions, showNotes } from '../load.ts';
import { type MeshFile, meshFiles } from './mesh.ts';

export interface RenderOptions extends SourceOptions {
  readonly output?: string;
}

export async function render(options: RenderOptions, io: Io): Promise<ExitCode> {
  const loaded = await loadSource(options, io);
  io.stderr.write(textReport(loaded.findings, io.stderr));
  if (loaded.nothing !== undefined) {
    complain(io, loaded.nothing);
    return exitCodes.unusable;
  }
  showNotes(io, loaded.notes);
  const written = await writeFiles(renderedFiles(loaded), options.output, io);
  return loaded.set.problems.length > 0 ? exitCodes.unusable : written;
}

/** Gateways by name, each one's files in the order that Envoy is told them, and its objects; then Istio's, and the statuses. */
function renderedFiles({ set, resolution, namespace: only }: Loaded): readonly TextFile[] {
  const toEdge = edgeRenderer(inCluster);
  const isShown = ({ namespace }: ObjectRef) => only === undefined || namespace === only;
  const gateways = [...resolution.gateways]
    .filter(([, { ref }]) => isShown(ref))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  const edges = gateways.map(([key, gateway]): readonly [ObjectKey, Edge] => [key, toEdge(gateway)]);
  const told = new Map(edges.map(([key, { revision }]): readonly [ObjectKey, Delivery] => [key, { revision }]));
  const world = statusWorld(resolution, [...set.findings, ...resolution.findings], { deliveries: told });
  return [
    ...edges.flatMap(([, edge]) => edgeFiles(edge)),
    ...gateways.flatMap(([, gateway]) => childFiles(gateway, resolution.className)),
    ...meshFiles(resolution.mesh, resolution.className, (namespace) => only === undefined || namespace === only).map(
      meshTextFile,
    ),
    ...statuses(set.snapshot, world)
      .filter(({ ref }) => isShown(ref))
      .map(statusFile),
  ];
}

function edgeFiles({ gateway, files }: Edge): readonly TextFile[] {
  return files.map((file) => ({
    path: `${fileName([gateway.namespace, gateway.name])}/${file.name.replace(/\.json$/, '')}.yaml`,
    text: `# ${describeRef(gateway)}: ${file.name}\n${yaml(JSON.parse(file.text(file.hash)))}`,
  }));
}

/** As the operator writes them, but for what depends on the stored ApiGateway: the owner, and the token of the drain. */
function childFiles(gateway: Gateway, className: string): readonly TextFile[] {
  return children(gateway, { className, image: envoyImage }).map((child) => ({
    path: `${fileName([gateway.ref.namespace, gateway.ref.name])}/${child.kind.toLowerCase()}.yaml`,
    text: `# ${describeRef(gateway.ref)}: ${child.kind}\n${yaml(child)}`,
  }));
}

function meshTextFile({ path: [folder, file], about, object }: MeshFile): TextFile {
  return { path: `mesh/${fileName([folder])}/${fileName(file)}.yaml`, text: `# ${about}\n${yaml(object)}` };
}

function statusFile({ ref, apiVersion, status }: ObjectStatus): TextFile {
  const { kind, namespace, name } = ref;
  return {
    path: `status/${fileName([kind.toLowerCase(), namespace, name])}.yaml`,
    text: yaml({ apiVersion, kind, metadata: metadata(ref), status }),
  };
}

function metadata({ name, namespace }: ObjectRef): object {
  return { name, namespace };
}

function yaml(value: unknown): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** File systems allow 255 bytes. */
const longestName = 200;

/** A policy stands even with a name that Kubernetes would refuse, such as one that leads out of the folder. */
function fileName(parts: readonly string[]): string {
  const name = parts.map((part) => encodeURIComponent(part.toWellFormed())).join('.');
  if (name.length <= longestName) return name;
  return `${name.slice(0, longestName - 20)}-${createHash('sha256').update(name).digest('hex').slice(0, 12)}`;
}
