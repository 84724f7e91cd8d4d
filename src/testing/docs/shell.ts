/** Enough of a shell's grammar to know which commands a script calls. */

/** `[['evengate', 'lint', '-f', 'a b'], ['jq', '.']]`: the words of each, without redirections, in order. */
export function commandsIn(script: string): readonly (readonly string[])[] {
  const found: string[][] = [];
  for (const line of logicalLines(script)) found.push(...commandsOf(line));
  return found;
}

/** Lines that are continued are one; comments and here-documents are left out. */
function logicalLines(script: string): readonly string[] {
  const lines: string[] = [];
  let end: string | undefined;
  for (const line of script.replaceAll('\\\n', ' ').split('\n')) {
    if (end !== undefined) {
      if (line.trim() === end) end = undefined;
      continue;
    }
    if (!line.trimStart().startsWith('#')) lines.push(line);
    end = /<<-?\s*'?(\w+)'?/.exec(line)?.[1];
  }
  return lines;
}

const separator = /^(?:\|\||&&|;|\||&|\$\(|<\(|\(|\)|\{ |\})/;
const redirection = /^\d*(?:>>|>&|>|<<-?|<)\s*(?:'[^']*'|[^\s;|&)]+)/;
const word = /^(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|\$(?!\()|[^\s'"\\;|&()<>$])+/;

function commandsOf(line: string): readonly string[][] {
  const commands: string[][] = [[]];
  let rest = line;
  while (rest !== '') {
    const [space = ''] = /^\s+(?:#.*$)?/.exec(rest) ?? [];
    const [cut = ''] = redirection.exec(rest) ?? [];
    const [split = ''] = separator.exec(rest) ?? [];
    const [text = ''] = word.exec(rest) ?? [];
    const skipped = space || cut;
    if (skipped === '' && split !== '') commands.push([]);
    else if (skipped === '' && text !== '') commands.at(-1)?.push(unquoted(text));
    rest = rest.slice((skipped || split || text).length || 1);
  }
  return commands.filter((words) => words.length > 0);
}

function unquoted(text: string): string {
  return text.replaceAll(/'([^']*)'|"((?:\\.|[^"\\])*)"/g, (_, single?: string, double?: string) => {
    return single ?? double?.replaceAll(/\\(.)/g, '$1') ?? '';
  });
}
