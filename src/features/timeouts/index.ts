/** How long a request, and one attempt at a backend, may take. */
import { ruleFeature } from '../../ir/feature.ts';
import { milliseconds } from '../../schema/fields.ts';
import { type TimeoutsSpec, timeoutsSchema } from './schema.ts';

interface Timeouts {
  readonly request: number | undefined;
  readonly backendRequest: number | undefined;
}

export const timeouts = ruleFeature<'timeouts', TimeoutsSpec, Timeouts>({
  name: 'timeouts',
  schema: timeoutsSchema,
  description: 'How long a request may take (GEP-1742).',
  example: { request: '5s', backendRequest: '2s' },
  needsBackend: true,
  resolve(spec, author) {
    const request = spec.request === undefined ? undefined : milliseconds(spec.request);
    const backendRequest = spec.backendRequest === undefined ? undefined : milliseconds(spec.backendRequest);
    if (request !== undefined && request > 0 && backendRequest !== undefined && backendRequest > request) {
      return {
        ok: false,
        findings: [
          {
            about: author.about,
            severity: 'error',
            reason: 'UnsupportedValue',
            at: `${author.at}.backendRequest`,
            message: `backendRequest ${spec.backendRequest} is longer than request ${spec.request}, so it could never pass`,
            remedy: 'Make backendRequest at most as long as request',
          },
        ],
      };
    }
    return { ok: true, value: { request, backendRequest }, findings: [] };
  },
  edge(settings) {
    return [
      {
        forward: {
          ...whole(settings),
          ...(settings.backendRequest === undefined || settings.backendRequest === 0
            ? {}
            : { retry_policy: { per_try_timeout: seconds(settings.backendRequest) } }),
        },
      },
    ];
  },
});

/** Envoy's own limit of a request, which an attempt that may take longer must not run into. */
const usual = 15_000;

function whole({ request, backendRequest = 0 }: Timeouts): { readonly timeout?: string } {
  if (request !== undefined) return { timeout: seconds(request) };
  return backendRequest > usual ? { timeout: seconds(backendRequest) } : {};
}

/** google.protobuf.Duration in JSON. */
function seconds(milliseconds: number): string {
  return `${milliseconds / 1000}s`;
}
