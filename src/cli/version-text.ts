/** What `evengate version` prints. */
import { oldestVersion } from '../delivery/envoy/version.ts';
import { evengateVersion } from '../version.ts';

export function versionText(): string {
  return `evengate ${evengateVersion()}\nEnvoy ${oldestVersion} or newer`;
}
