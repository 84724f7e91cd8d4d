/** Grafana's dashboard JSON (schemaVersion 39, Grafana 11), as much of it as ours use, and where panels go. */

export type Unit = 'reqps' | 'percentunit' | 's' | 'ms' | 'bytes' | 'short' | 'none' | 'ops' | 'cores' | 'conn';

export interface Query {
  /** PromQL; `$gateway`, `$gateway_namespace` and the like are regular expressions. */
  readonly expr: string;
  /** `{{label}}` */
  readonly legend: string;
}

export interface PanelOptions {
  readonly title: string;
  /** What it shows, and what to think of it. */
  readonly description: string;
  readonly unit: Unit;
  readonly queries: readonly Query[];
  /** Columns of 24; a quarter of the width when absent for numbers, a third for graphs. */
  readonly width?: number;
  /** From this value on it is red; green below. */
  readonly alarm?: number;
  /** Below it, it is red; green from it on. */
  readonly need?: number;
}

/** `stat` is one number, as it is now. */
export interface Panel extends PanelOptions {
  readonly kind: 'stat' | 'timeseries' | 'stacked';
}

export interface Section {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export interface Variable {
  readonly name: string;
  readonly label: string;
  /** PromQL of `label_values(…)`. */
  readonly query: string;
  /** Regular expression of all that is meant when nothing is chosen. */
  readonly all: string;
}

export interface DashboardOptions {
  /** Stable: links and bookmarks hold it. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly variables: readonly Variable[];
  readonly sections: readonly Section[];
}

export function number(options: PanelOptions): Panel {
  return { kind: 'stat', width: 4, ...options };
}

export function graph(options: PanelOptions): Panel {
  return { kind: 'timeseries', width: 8, ...options };
}

export function stack(options: PanelOptions): Panel {
  return { kind: 'stacked', width: 8, ...options };
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana fills it in.
const datasource = { type: 'prometheus', uid: '${datasource}' } as const;

/** As it is stored: without an id, which is each Grafana's own. */
export function dashboard({ uid, title, description, variables, sections }: DashboardOptions): object {
  return {
    uid,
    title,
    description,
    tags: ['evengate'],
    schemaVersion: 39,
    editable: true,
    graphTooltip: 1,
    timezone: 'browser',
    refresh: '30s',
    time: { from: 'now-3h', to: 'now' },
    timepicker: {},
    fiscalYearStartMonth: 0,
    links: [link],
    annotations: { list: [] },
    templating: { list: [datasourceVariable, ...variables.map(variableJson)] },
    panels: placed(sections),
  };
}

const link = {
  type: 'dashboards',
  title: 'Evengate',
  tags: ['evengate'],
  asDropdown: true,
  includeVars: true,
  keepTime: true,
  targetBlank: false,
  icon: 'external link',
  tooltip: '',
  url: '',
};

const datasourceVariable = {
  type: 'datasource',
  name: 'datasource',
  label: 'Data source',
  query: 'prometheus',
  regex: '',
  refresh: 1,
  hide: 0,
  multi: false,
  includeAll: false,
  options: [],
};

function variableJson({ name, label, query, all }: Variable): object {
  return {
    type: 'query',
    name,
    label,
    datasource,
    definition: query,
    query: { query, refId: `variable-${name}` },
    regex: '',
    refresh: 2,
    sort: 1,
    hide: 0,
    multi: true,
    includeAll: true,
    allValue: all,
    options: [],
    current: { selected: true, text: ['All'], value: ['$__all'] },
  };
}

const columns = 24;
const heights: Readonly<Record<Panel['kind'], number>> = { stat: 4, timeseries: 8, stacked: 8 };

/** Left to right, and a new line where one is full; each section under a row of its own. */
function placed(sections: readonly Section[]): readonly object[] {
  const all: object[] = [];
  let y = 0;
  for (const { title, panels } of sections) {
    const id = all.length + 1;
    all.push({ type: 'row', id, title, collapsed: false, gridPos: { x: 0, y, w: columns, h: 1 }, panels: [] });
    y += 1;
    let x = 0;
    let height = 0;
    for (const panel of panels) {
      const w = panel.width ?? columns;
      if (x + w > columns) {
        y += height;
        x = 0;
        height = 0;
      }
      const h = heights[panel.kind];
      all.push(panelJson(panel, all.length + 1, { x, y, w, h }));
      x += w;
      height = Math.max(height, h);
    }
    y += height;
  }
  return all;
}

interface Place {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

function panelJson(panel: Panel, id: number, gridPos: Place): object {
  const { title, description, queries, kind } = panel;
  const isStat = kind === 'stat';
  return {
    type: isStat ? 'stat' : 'timeseries',
    id,
    title,
    description,
    datasource,
    gridPos,
    targets: queries.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode(65 + index),
      datasource,
      editorMode: 'code',
      expr,
      legendFormat: legend,
      instant: isStat,
      range: !isStat,
    })),
    fieldConfig: { defaults: defaultsOf(panel), overrides: [] },
    options: isStat ? statOptions : graphOptions,
  };
}

function defaultsOf({ kind, unit, alarm, need }: Panel): object {
  const [low, high] = need === undefined ? ['green', 'red'] : ['red', 'green'];
  const border = need ?? alarm;
  const steps = [{ color: low, value: null }, ...(border === undefined ? [] : [{ color: high, value: border }])];
  const common = { unit, min: 0, color: { mode: kind === 'stat' ? 'thresholds' : 'palette-classic' } };
  const thresholds = { mode: 'absolute', steps };
  if (kind === 'stat') return { ...common, thresholds, mappings: [] };
  const custom = {
    drawStyle: 'line',
    lineWidth: 1,
    fillOpacity: kind === 'stacked' ? 30 : 5,
    showPoints: 'never',
    spanNulls: false,
    stacking: { mode: kind === 'stacked' ? 'normal' : 'none', group: 'A' },
    thresholdsStyle: { mode: border === undefined ? 'off' : 'dashed' },
  };
  return { ...common, thresholds, mappings: [], custom };
}

const statOptions = {
  reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
  orientation: 'auto',
  textMode: 'auto',
  colorMode: 'value',
  graphMode: 'none',
  justifyMode: 'auto',
};

const graphOptions = {
  legend: { displayMode: 'table', placement: 'bottom', showLegend: true, calcs: ['lastNotNull', 'max'] },
  tooltip: { mode: 'multi', sort: 'desc' },
};
