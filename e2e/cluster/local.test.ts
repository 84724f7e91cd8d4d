import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { requirePart } from '../../src/testing/parts.ts';
import { build } from './local/build.ts';
import { cgroupProcesses } from './local/cgroups.ts';
import { cacheFolder } from './local/places.ts';
import { allProcesses, kill, parentOf } from './local/processes.ts';
import { whyNoLocalCluster } from './local/requirements.ts';
import { waitUntil } from './local/wait.ts';

const missing = whyNoLocalCluster();
if (missing !== undefined) requirePart('cluster', missing);

const root = join(import.meta.dirname, '../..');
// A machine can have one local cluster, and somebody may be using it: here it is in a machine of its own, so to say.
const namespaces = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
const folder = join(mkdtempSync(join('/var/tmp', 'evengate-local-')), 'cluster');
let outer: ChildProcess;
let first = 0;

/** What a cluster could leave behind. */
interface Traces {
  readonly processes: readonly string[];
  readonly mounts: readonly string[];
  readonly links: readonly string[];
  readonly routes: readonly string[];
  readonly rules: readonly string[];
  readonly settings: readonly string[];
}
