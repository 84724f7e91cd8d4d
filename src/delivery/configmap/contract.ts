/** What ConfigMap delivery is given, and what it answers. */

import type { Edge } from '../../render/edge.ts';
import type { Finding } from '../../status/finding.ts';
import type { StatType } from '../envoy/admin.ts';
import type { Body } from '../publication/content.ts';

/** One pod of a gateway's Deployment. */
export interface EdgePod {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  /** '' until it has one. */
  readonly ip: string;
  readonly ready: boolean;
  readonly terminating: boolean;
  /** Of its Envoy: another process has started with what is in place, whatever the one before had acknowledged. */
  readonly restarts: number;
}

export interface EdgeFleet {
  /** As they are now. */
  pods(): readonly EdgePod[];
  /** Resolves at the next change of that list; rejects with the signal's reason. */
  changed(signal: AbortSignal): Promise<void>;
}

/** How an Envoy in a pod is asked. Every call rejects when there is no answer within a few seconds. */
export interface PodAccess {
  /** Of its operations listener. */
  stats(pod: EdgePod, filter: string, type: StatType): Promise<Map<string, number | string>>;
  /** Lines of its container, as they were printed. */
  log(pod: EdgePod, sinceSeconds: number): Promise<readonly string[]>;
}

export type EdgeContent = Pick<Edge, 'files'>;

export interface Published {
  /**
   * `served`: every Ready Envoy has it. `pending`: it is in place, and some Ready Envoy does not have it yet, or none is
   * Ready. `refused`: an Envoy refused it, now or before, or the name of a ConfigMap is taken; `too-large`: it does not fit.
   * Then the last good stays.
   */
  readonly kind: 'served' | 'pending' | 'refused' | 'too-large';
  /** `Edge.revision` of what is in place; '' where nothing is. */
  readonly revision: string;
  readonly envoys: Envoys;
  readonly findings: readonly Finding[];
  readonly unusable: readonly UnusableCertificate[];
  /** When another call may find more, without a change of pods or files. */
  readonly againInMs?: number;
}

/** A certificate that Ready Envoys could not load; they serve the rest. */
export interface UnusableCertificate {
  readonly file: string;
  /** `secretName` of it. */
  readonly secret: string;
  /** Envoys' words. */
  readonly details: readonly string[];
  /** Some of them serve by it, as it is or as it was. */
  readonly served: boolean;
}

export interface Envoys {
  /** Ready ones that serve what is in place. */
  readonly loaded: number;
  readonly ready: number;
  /** Names of Ready pods that did not take it up in time. */
  readonly late: readonly string[];
}

export interface ConfigMapDelivery {
  /**
   * Level-triggered: brings every Ready Envoy to `content`, make-before-break. With unchanged content it writes nothing
   * and asks only the Envoys not yet known to serve it. Calls must take turns. Throws ApiError when the API server
   * refuses or cannot be reached (the next call reads what is in place and goes on from there), and the signal's reason.
   */
  publish(content: EdgeContent, signal: AbortSignal): Promise<Published>;
  /** The files that are in place, by name, for whoever has to render anew what was rendered before. Throws ApiError. */
  inPlace(signal: AbortSignal): Promise<ReadonlyMap<string, Body>>;
  /**
   * Tell it of every event of its ConfigMaps, as long as they are watched: one that is not of its own makes the next
   * `publish` read them again and restore them. `resourceVersion` is undefined for a deleted one.
   */
  observe(name: string, resourceVersion: string | undefined): void;
  /** Resolves when the copy of the last good content is written, or has failed to be (which was logged). */
  idle(): Promise<void>;
}
