/** What may come next on a command line, as kubectl asks its plugins (`kubectl_complete-evengate`, the protocol of cobra). */
import type { Command } from 'commander';
import { kinds } from '../../api/kinds.ts';
import { resources } from '../../kube/resources.ts';
import { openCluster } from '../cluster-options.ts';
import type { Io } from '../io.ts';
import { type CompletedCommand, type CompletedOption, readCommand } from './completion.ts';

/** `files`: paths may come as well. */
interface Offer {
  readonly words: readonly Word[];
  readonly files: boolean;
}
type Word = readonly [word: string, description: string];

/** cobra's ShellCompDirective: which of them the shell heeds. */
const directives = { files: 0, noFiles: 4 } as const;

/** `line` is what is written behind the program's name; its last word, which may be empty, is being written. */
export async function completeWords(program: Command, line: readonly string[], io: Io): Promise<string> {
  const current = line.at(-1) ?? '';
  const { words, files } = await offer(program.commands.map(readCommand), line, io);
  const fitting = words.filter(([word]) => word.startsWith(current));
  const lines = fitting.map(([word, description]) => (description === '' ? word : `${word}\t${description}`));
  return `${[...lines, `:${files ? directives.files : directives.noFiles}`].join('\n')}\n`;
}

async function offer(commands: readonly CompletedCommand[], line: readonly string[], io: Io): Promise<Offer> {
  const current = line.at(-1) ?? '';
  const before = line.slice(0, -1);
  const command = commands.find(({ name }) => name === before.find((word) => !word.startsWith('-')));
  if (command === undefined) {
    return { words: commands.map(({ name, summary }) => [name, summary] as const), files: false };
  }
  const option = optionOf(command, before.at(-1));
  if (option?.flags.includes('--namespace')) return { words: await namespaces(before, io), files: false };
  // Without words of ours it is a path, or anything.
  if (option?.values !== undefined)
    return { words: option.values.map((word) => [word, '']), files: option.values.length === 0 };
  if (current.startsWith('-')) return { words: command.options.flatMap(flagsOf), files: false };
  if (command.name === 'status') return { words: await objects(before, current, io), files: false };
  const isListing = before.findLast((word) => word.startsWith('-')) === '-f';
  return { words: command.words.map((word) => [word, '']), files: isListing };
}

function optionOf({ options }: CompletedCommand, flag: string | undefined): CompletedOption | undefined {
  return options.find(({ flags }) => flag !== undefined && flags.includes(flag));
}

function flagsOf({ flags, description }: CompletedOption): readonly Word[] {
  return flags.map((flag) => [flag, description]);
}

/** A shell waits for it. */
const patienceMs = 2000;

async function namespaces(before: readonly string[], io: Io): Promise<readonly Word[]> {
  return await names(before, io, async ({ client }, signal) => {
    const found = await client.list(resources.Namespace, { metadataOnly: true, signal });
    return found.map(({ metadata }) => [metadata.name, '']);
  });
}

/** `route/orders`; the kinds alone until there is a slash. */
async function objects(before: readonly string[], current: string, io: Io): Promise<readonly Word[]> {
  const [word = ''] = current.split('/');
  const kind = kinds.find(({ singular, plural, shortNames }) => [singular, plural, ...shortNames].includes(word));
  if (kind === undefined || !current.includes('/')) return kinds.map(({ singular }) => [`${singular}/`, '']);
  const type = resources[kind.kind as 'ApiGateway' | 'Route' | 'AuthPolicy' | 'RateLimitPolicy'];
  return await names(before, io, async ({ client, ownNamespace: namespace }, signal) => {
    const found = await client.list(type, { namespace, metadataOnly: true, signal });
    return found.map(({ metadata }) => [`${word}/${metadata.name}`, '']);
  });
}

type Ask = (cluster: Awaited<ReturnType<typeof openCluster>>, signal: AbortSignal) => Promise<readonly Word[]>;

async function names(before: readonly string[], io: Io, ask: Ask): Promise<readonly Word[]> {
  const valueAfter = (...flags: readonly string[]) => {
    const at = before.findLastIndex((word) => flags.includes(word));
    return at < 0 ? undefined : before[at + 1];
  };
  const [kubeconfig, context] = [valueAfter('--kubeconfig'), valueAfter('--context')];
  const namespace = valueAfter('-n', '--namespace');
  try {
    const cluster = await openCluster(
      { ...(kubeconfig && { kubeconfig }), ...(context && { context }), ...(namespace && { namespace }) },
      io,
    );
    try {
      return await ask(cluster, AbortSignal.timeout(patienceMs));
    } finally {
      await cluster.close();
    }
  } catch {
    // A shell that completes has no place for errors: nothing is offered.
    return [];
  }
}
