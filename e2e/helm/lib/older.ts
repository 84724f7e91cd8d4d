/** The charts as older versions were: of a number, and without something that came later. */
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse, stringify } from 'yaml';
import { charts } from '../../charts/helm.ts';

/** The operator's chart before it had this section of values: a folder below `home`. */
export function operatorWithout(section: string, home: string): string {
  const chart = copied(charts.operator, home);
  edit(join(chart, 'values.yaml'), (text) => {
    const { [section]: _, ...older } = parse(text) as Record<string, unknown>;
    return stringify(older);
  });
  edit(join(chart, 'files/values.yaml'), (text) => text.replaceAll(new RegExp(`^- ${section}\\..*\n`, 'gm'), ''));
  rmSync(join(chart, 'values.schema.json'));
  // What its templates do with the section, they do with an empty one.
  for (const path of globSync('templates/**/*.{yaml,tpl}', { cwd: chart })) {
    edit(join(chart, path), (text) => text.replaceAll(new RegExp(`\\.Values\\.${section}\\.\\w+`, 'g'), '""'));
  }
  return chart;
}

/** The chart of the definitions before `property` was among those of `plural`: a folder below `home`. Throws where it is not. */
export function definitionsWithout(property: string, plural: string, home: string): string {
  const chart = copied(charts.definitions, home);
  edit(join(chart, `templates/evengate.dev_${plural}.yaml`), (text) => {
    const older = text.replace(new RegExp(`^( +)${property}:\n(\\1 .*\n)+`, 'm'), '');
    if (older === text) throw new Error(`${plural} have no ${property}`);
    return older;
  });
  return chart;
}

function copied(chart: string, home: string): string {
  const folder = join(home, 'older', basename(chart));
  mkdirSync(folder, { recursive: true });
  cpSync(chart, folder, { recursive: true });
  return folder;
}

function edit(path: string, change: (text: string) => string): void {
  writeFileSync(path, change(readFileSync(path, 'utf8')));
}
