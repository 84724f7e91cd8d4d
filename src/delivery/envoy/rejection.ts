/** Finds in Envoy's log why a subscription was refused. The log names the subscription only now and then. */

export interface Rejection {
  readonly subscription: string;
  /** Envoy's words, of at most 1,000 characters a line, without the resource that it quotes; '' if it said nothing. */
  readonly detail: string;
}

const refused = /Filesystem config update (?:rejected|failure): (.*)$/;

/** How the reasons of each kind of subscription read, and how its files are named. */
const kinds: readonly { readonly root: RegExp; readonly line: RegExp }[] = [
  {
    root: /^listener_manager\./,
    line: /updating listener|duplicate listener|\bListenerValidationError|v3\.Listener\b|\/lds\.\w+,/,
  },
  {
    root: /^cluster_manager\./,
    line: /updating cluster|duplicate cluster|\bClusterValidationError|v3\.Cluster\b|\/cds\.\w+,/,
  },
  { root: /^http\..*\.rds\./, line: /\bRDS\b|RouteConfiguration|\bvirtual host|VirtualHost|\broute\b|\/rds[^/]*,/i },
  { root: /^sds\./, line: /\bsecret\b|certificate|private key|\/sds[^/]*,/i },
  { root: /^extension_config_discovery\.http_filter\./, line: /extension config|TypedExtensionConfig|\/ecds[^/]*,/i },
];

/** One rejection per subscription, its detail taken from the lines that fit it best. */
export function rejectionsFrom(subscriptions: readonly string[], lines: readonly string[]): readonly Rejection[] {
  const reasons = lines.flatMap((line) => refused.exec(line)?.[1] ?? []);
  return subscriptions.map((root) => ({
    subscription: root,
    detail: [...new Set(reasonsFor(root, subscriptions, reasons))].join('; '),
  }));
}

function reasonsFor(root: string, all: readonly string[], reasons: readonly string[]): readonly string[] {
  const name = kinds.reduce((rest, kind) => rest.replace(kind.root, ''), root);
  const named = reasons.filter((reason) => kindOf(root) === kindOfLine(reason) && reason.includes(name));
  const ofKind = reasons.filter((reason) => kindOf(root) === kindOfLine(reason));
  const ofNone = reasons.filter((reason) => !all.some((other) => kindOf(other) === kindOfLine(reason)));
  if (root.startsWith('sds.')) {
    // Told again and again: the last word counts. Alone, it may be one that names nobody.
    const isAlone = all.filter((other) => other.startsWith('sds.')).length === 1;
    const own = ofKind.filter((reason) => named.includes(reason) || !reason.startsWith('Invalid path: '));
    return [isAlone ? own : [], named, own, ofNone].find((some) => some.length > 0)?.slice(-1) ?? [];
  }
  return [named, ofKind, ofNone].find((found) => found.length > 0) ?? [];
}

function kindOf(root: string): number {
  return kinds.findIndex((kind) => kind.root.test(root));
}

function kindOfLine(line: string): number {
  return kinds.findIndex((kind) => kind.line.test(line));
}
