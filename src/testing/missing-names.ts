/** A naive reading of an Envoy's files: what requests would find missing. */

/** What routes name and the other files do not have; `files` is text by file name. */
export function missingNames(files: ReadonlyMap<string, string>): readonly string[] {
  const all = (pattern: RegExp, text: string) => [...text.matchAll(pattern)].map((match) => match[1] ?? '');
  const text = (start: string) =>
    [...files].flatMap(([name, content]) => (name.startsWith(start) ? [content] : [])).join('\n');
  const clusters = new Set(all(/"name":"([^"]+)","connect_timeout"/g, text('cds')));
  const requirements = text('ecds-jwt');
  const limits = text('ecds-limits');
  return [
    ...all(/"cluster":"([^"]+)"/g, text('rds')).filter((name) => !clusters.has(name)),
    ...all(/"requirement_name":"([^"]+)"/g, text('rds')).filter((name) => !requirements.includes(`"${name}":`)),
    ...all(/"descriptor_key":"limit","descriptor_value":"([^"]+)"/g, text('rds')).filter((id) => !limits.includes(id)),
    ...all(/\/\.\.data\/([^"/]+)"/g, text('lds')).filter((name) => !files.has(name)),
  ];
}
