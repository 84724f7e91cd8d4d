/** Ports in a Pod: a listener must not meet ours there, nor another listener. */

/** Ours; a gateway may have none of them. */
export const ownPorts = { operations: 19_001, drain: 19_002, readiness: 19_003 } as const;

/** Containers are not root, so a port that only root may bind is 10,000 higher in the Pod; the Service maps it back. */
export function containerPort(port: number): number {
  return port < 1024 ? port + 10_000 : port;
}
