/** Public API: what scripts and CI see of each command. */
export const exitCodes = {
  /** Done; for `lint`, nothing to report. */
  done: 0,
  /** `lint` found errors (with --strict, warnings too); `status` found something that is not ready; `diff` found that traffic changes. */
  findings: 1,
  /** The command line, a path, a text or a cluster could not be used. */
  unusable: 2,
  /** No Envoy to be had, or a port that could not be bound. */
  noEnvoy: 3,
  /** Evengate itself is broken (EX_SOFTWARE of sysexits.h). */
  bug: 70,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
