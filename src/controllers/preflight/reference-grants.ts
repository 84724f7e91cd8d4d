/** Gateway API's ReferenceGrant is a matter of choice: where there is none, nobody lets others in. */
import { ApiError, type Client } from '../../kube/client.ts';
import { resources } from '../../kube/resources.ts';
import type { Finding } from './finding.ts';

export async function checkReferenceGrants(client: Client): Promise<readonly Finding[]> {
  const { group, version } = resources.ReferenceGrant;
  try {
    await client.text({ path: `/apis/${group}/${version}` });
    return [];
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 404) throw error;
    const said = `ReferenceGrant (${group}/${version}) is not installed: references to other namespaces are refused`;
    return [{ check: 'crds', level: 'info', said }];
  }
}
