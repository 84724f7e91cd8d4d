/** istiod's own code (`e2e/istio/oracle`), asked what it would send to proxies for a set of objects. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { stringify } from 'yaml';
import type { Json } from '../../envoy/json.ts';
import type { Labels } from '../../kube/pods.ts';
import type { JsonObject } from '../compile.ts';

interface Workload {
  readonly namespace: string;
  /** Of the Pod. */
  readonly name: string;
  readonly labels: Labels;
  readonly serviceAccount?: string;
  readonly ports?: readonly { readonly name: string; readonly port: number }[];
}

export interface SidecarQuestion extends Workload {
  readonly kind: 'sidecar';
  /** What the proxy says of itself; 1.31.0 when absent. */
  readonly istioVersion?: string;
}

export interface WaypointQuestion {
  readonly kind: 'waypoint';
  readonly namespace: string;
  /** Of the Gateway; Services name it by `istio.io/use-waypoint`. */
  readonly name: string;
  readonly istioVersion?: string;
}

export interface ZtunnelQuestion extends Workload {
  readonly kind: 'ztunnel';
}

export type ProxyQuestion = SidecarQuestion | WaypointQuestion | ZtunnelQuestion;

/** envoy.config.listener.v3.Listener: `virtualInbound` of a sidecar, `main_internal` of a waypoint. */
export interface ListenerAnswer {
  readonly listener: JsonObject;
}

/** istio.security.Authorization, all that apply to the workload. */
export interface ZtunnelAnswer {
  readonly policies: readonly JsonObject[];
  /** ZtunnelAccepted of each, as it would stand in its status. */
  readonly accepted: readonly { readonly bound: boolean; readonly reason: string; readonly message: string }[];
}

/** What Istio's strict decoding and its validating webhook say of one object. */
export interface Validity {
  readonly object: string;
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

export interface OracleQuestion {
  /** Services, Istio's own kinds, Gateways; each world in a namespace of its own. */
  readonly objects: readonly object[];
  readonly meshConfig?: JsonObject;
  readonly proxies: readonly ProxyQuestion[];
}

export interface IstioOracle {
  /** Answers in the order of `proxies`. Throws when Istio refuses an object, naming it. */
  ask(question: OracleQuestion): Promise<readonly (ListenerAnswer | ZtunnelAnswer)[]>;
  /** One an object. */
  validate(objects: readonly object[]): Promise<readonly Validity[]>;
  stop(): Promise<void>;
}

interface Answer {
  readonly error?: string;
  readonly validate: readonly Validity[];
  readonly proxies: readonly (ListenerAnswer | ZtunnelAnswer)[];
}

/** It keeps up to 10 MB of every question, and more of a large one. */
const questionsEach = 40;

export function istioOracle(binary: string): IstioOracle {
  let running: Running | undefined;
  let asked = 0;
  let last: Promise<unknown> = Promise.resolve();
  const exchange = async (question: JsonObject): Promise<Answer> => {
    if (asked % questionsEach === 0) {
      await running?.stop();
      running = start(binary);
    }
    asked += 1;
    const answer = JSON.parse(await (running ?? start(binary)).exchange(JSON.stringify(question))) as Answer;
    if (answer.error !== undefined) throw new Error(`the oracle: ${answer.error}`);
    return answer;
  };
  const inTurn = (question: JsonObject): Promise<Answer> => {
    const answer = last.then(() => exchange(question));
    last = answer.catch(() => undefined);
    return answer;
  };
  return {
    async ask({ objects, meshConfig, proxies }) {
      const text = meshConfig === undefined ? {} : { meshConfig: stringify(meshConfig) };
      const answer = await inTurn({ objects: textOf(objects), ...text, proxies: proxies as unknown as Json });
      const refused = answer.validate.filter(({ errors }) => errors.length > 0);
      if (refused.length > 0) throw new Error(`Istio refuses ${JSON.stringify(refused)}`);
      return answer.proxies;
    },
    validate: async (objects) => (await inTurn({ objects: textOf(objects), proxies: [] })).validate,
    async stop() {
      await last;
      await running?.stop();
    },
  };
}

/** JSON is YAML. */
function textOf(objects: readonly object[]): string {
  return objects.map((object) => JSON.stringify(object)).join('\n---\n');
}

interface Running {
  exchange(line: string): Promise<string>;
  stop(): Promise<void>;
}

function start(binary: string): Running {
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(binary, [], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4000);
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async exchange(line) {
      child.stdin.write(`${line}\n`);
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`the oracle ended: ${said.trim()}`);
      return value;
    },
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}
