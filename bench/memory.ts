import process from 'node:process';

/** Peak resident memory of this process in MB (10^6 bytes). */
export function peakMegabytes(): number {
  return (process.resourceUsage().maxRSS * 1024) / 1e6;
}
