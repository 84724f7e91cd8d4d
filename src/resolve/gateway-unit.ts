/** One ApiGateway, resolved without its Routes. */

import { meshAgent } from '../features/mesh/agent.ts';
import { resolveMesh } from '../features/mesh/resolve.ts';
import { resolveService } from '../features/service/resolve.ts';
import { resolveTelemetry } from '../features/telemetry/resolve.ts';
import { resolveWorkload } from '../features/workload/resolve.ts';
import { classOf } from '../ir/class-name.ts';
import type { KubeObject, ObjectRef } from '../kube/object.ts';
import type { Finding } from '../status/finding.ts';
import { resolveListeners } from './listeners.ts';
import type { Look } from './memo.ts';
import { parseApiGateway } from './parse.ts';
import { policiesOn } from './policies-on.ts';
import type { GatewayContext } from './world.ts';
import { lookupOf, type PolicyWorld } from './world.ts';

export interface GatewayUnit {
  readonly ref: ObjectRef;
  readonly className: string;
  /** Undefined when the object cannot be read: its last good form serves on. */
  readonly context: GatewayContext | undefined;
  readonly findings: readonly Finding[];
}

export function resolveGateway(object: KubeObject, recorder: Look<PolicyWorld>): GatewayUnit {
  const { ref, spec, findings } = parseApiGateway(object);
  if (spec === undefined) return { ref, className: classOf(object), context: undefined, findings };
  const lookup = lookupOf(recorder);
  const { listeners, findings: problems } = resolveListeners(ref, spec, lookup);
  const { workload, findings: ofWorkload } = resolveWorkload(ref, spec.workload);
  const ports = spec.listeners.map(({ port }) => port);
  const { exposure, findings: ofService } = resolveService(ref, spec.service, ports);
  const { telemetry, findings: ofTelemetry } = resolveTelemetry(ref, spec.telemetry, lookup);
  const { settings: mesh, findings: ofMesh } = resolveMesh(ref, spec.mesh, lookup);
  const names = listeners.map(({ spec: { name } }) => name);
  return {
    ref,
    className: classOf(object),
    context: {
      ref,
      trustedHops: spec.clientIP?.trustedHops ?? 0,
      publicByDefault: spec.defaultAccess === 'Public',
      listeners,
      workload,
      exposure,
      telemetry,
      mesh,
      agent: meshAgent(spec.mesh),
      outer: policiesOn(ref, names, recorder),
    },
    findings: [...findings, ...problems, ...ofWorkload, ...ofService, ...ofTelemetry, ...ofMesh],
  };
}
