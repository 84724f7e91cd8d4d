/** `evengate support-bundle`: what somebody needs who is to help, without any secret. */
import { access, rm, writeFile } from 'node:fs/promises';
import { ClusterUnreadable, readCluster } from '../../controllers/manifests/cluster.ts';
import { Bundle, tarGz } from '../../controllers/support/bundle.ts';
import { gather } from '../../controllers/support/gather.ts';
import { KubeconfigError } from '../../runtime/kubeconfig.ts';
import { evengateVersion } from '../../version.ts';
import { type ClusterOptions, type OpenCluster, openCluster } from '../cluster-options.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { placeFindings, textReport } from '../findings.ts';
import type { Io } from '../io.ts';
import { complain, withProgress } from '../load.ts';
import { statusText } from '../status/report.ts';
import { seen } from '../status/status.ts';

export interface SupportBundleOptions extends ClusterOptions {
  readonly output?: string;
  readonly logLines: number;
}

export async function supportBundle(options: SupportBundleOptions, io: Io): Promise<ExitCode> {
  const now = new Date();
  const name = `evengate-support-${now.toISOString().replace(/\..*$/, '').replaceAll(/[-:]/g, '').replace('T', '-')}`;
  const path = options.output ?? `${name}.tar.gz`;
  if (await isThere(path)) {
    complain(io, existing(path));
    return exitCodes.unusable;
  }
  try {
    // All of it is wanted unless somebody says what is not: an ApiGateway and its Routes are often apart.
    const all = options.namespace === undefined;
    const cluster = await openCluster({ ...options, allNamespaces: all }, io);
    try {
      const bundle = await withProgress(io, `reading ${cluster.server}`, collect(cluster, options));
      bundle.text('versions.json', versionsText(now, cluster));
      bundle.text('not-read.txt', bundle.notes.map((note) => `${note}.\n`).join(''));
      const files = bundle.files();
      const bytes = tarGz(files, name, Math.floor(now.getTime() / 1000));
      await write(path, bytes);
      io.stdout.write(`${path}: ${files.size} files, ${Math.ceil(bytes.length / 1024)} KiB\n`);
      if (bundle.notes.length > 0) io.stderr.write(`${missing(bundle.notes.length)}; not-read.txt in it says which.\n`);
      return exitCodes.done;
    } finally {
      await cluster.close();
    }
  } catch (error) {
    const sentence = sentenceOf(error, path);
    if (sentence === undefined) throw error;
    complain(io, sentence);
    return exitCodes.unusable;
  }
}

/** Nobody else's business; no file of somebody's is lost, and none is left that is not whole. */
async function write(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeFile(path, bytes, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG' || code === 'EIO') await rm(path, { force: true });
    throw error;
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

function existing(path: string): string {
  return `${path} exists; name another file with -o`;
}

function missing(count: number): string {
  return count === 1 ? 'One thing could not be read' : `${count} things could not be read`;
}

function sentenceOf(error: unknown, path: string): string | undefined {
  if (error instanceof KubeconfigError || error instanceof ClusterUnreadable) return error.message;
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (syscall === undefined) return undefined;
  return code === 'EEXIST' ? existing(path) : `${path} cannot be written: ${message}`;
}

async function collect(cluster: OpenCluster, { class: className, logLines }: SupportBundleOptions): Promise<Bundle> {
  const { client, namespace, ownNamespace } = cluster;
  const reading = await readCluster(client, { namespaces: [ownNamespace], ...(className && { className }) });
  const bundle = new Bundle();
  const [status] = await Promise.all([
    seen(reading, cluster),
    gather(bundle, { client, reading, namespace, logLines }),
  ]);
  for (const note of status.notes) bundle.note(note);
  bundle.text('status.txt', statusText(status.roots, plain));
  bundle.text('lint.txt', textReport(placeFindings(reading.set, reading.resolution.findings), plain));
  return bundle;
}

const plain = { write: () => undefined, isTTY: false, style: (_: unknown, text: string) => text };

function versionsText(now: Date, { server, namespace }: OpenCluster): string {
  const about = {
    time: now.toISOString(),
    evengate: evengateVersion(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    server: new URL(server).host,
    namespaces: namespace ?? 'all',
  };
  return `${JSON.stringify(about, null, 2)}\n`;
}
