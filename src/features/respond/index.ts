/** Answers by itself: maintenance pages, robots.txt, `GET /healthz` of the edge. */
import { ruleFeature } from '../../ir/feature.ts';
import { type RespondSpec, respondSchema } from './schema.ts';

export const respond = ruleFeature<'respond', RespondSpec, RespondSpec>({
  name: 'respond',
  schema: respondSchema,
  description: 'Answers the request without a backend.',
  example: { status: 200, body: 'pong\n' },
  resolve: (spec) => ({ ok: true, value: spec, findings: [] }),
  edge(settings) {
    const { status, body, contentType } = settings;
    return [
      {
        answer: {
          direct_response: { status, ...(body === undefined || body === '' ? {} : { body: { inline_string: body } }) },
        },
        ...(contentType === undefined
          ? {}
          : {
              route: {
                response_headers_to_add: [
                  { header: { key: 'content-type', value: contentType }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' },
                ],
              },
            }),
      },
    ];
  },
});
