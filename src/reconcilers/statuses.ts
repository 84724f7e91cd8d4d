/** The status of every object of ours, by the one author that its kind has. */
import { type KubeObject, type ObjectKey, type ObjectRef, objectKey, refOf } from '../kube/object.ts';
import type { Snapshot } from '../kube/snapshot.ts';
import { type ApiGatewayStatus, apiGatewayStatus } from './api-gateway.ts';
import { type AuthPolicyStatus, authPolicyStatus } from './auth-policy.ts';
import { authorOf } from './authorship.ts';
import { type RateLimitPolicyStatus, rateLimitPolicyStatus } from './rate-limit-policy.ts';
import { type RouteStatus, routeStatus } from './route.ts';
import type { StatusWorld } from './world.ts';

export type Status = ApiGatewayStatus | RouteStatus | AuthPolicyStatus | RateLimitPolicyStatus;

export interface ObjectStatus {
  readonly ref: ObjectRef;
  readonly apiVersion: string;
  readonly status: Status;
}

/** Undefined where nothing is known of the object. */
type Author = (key: ObjectKey, object: KubeObject, world: StatusWorld) => Status | undefined;

const authors = {
  ApiGateway: apiGatewayStatus,
  AuthPolicy: authPolicyStatus,
  RateLimitPolicy: rateLimitPolicyStatus,
  Route: routeStatus,
} as const satisfies Partial<Record<keyof Snapshot, Author>>;

/** Kinds that have a status of ours. */
export type ReportedKind = keyof typeof authors;
export const reportedKinds = Object.keys(authors).toSorted() as readonly ReportedKind[];

/** Undefined where the object is not ours to report on. */
export function statusOf(kind: ReportedKind, object: KubeObject, world: StatusWorld): Status | undefined {
  const key = objectKey(object);
  if (authorOf(kind, key, world.resolution) !== world.resolution.className) return undefined;
  return authors[kind](key, object, world);
}

/** Sorted by kind, namespace and name. */
export function statuses(snapshot: Snapshot, world: StatusWorld): readonly ObjectStatus[] {
  return reportedKinds.flatMap((kind) =>
    [...snapshot[kind]]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([, object]) => {
        const status = statusOf(kind, object, world);
        return status === undefined ? [] : [{ ref: refOf(object), apiVersion: object.apiVersion, status }];
      }),
  );
}
