/** `respond` of a rule: a fixed answer. */
import { z } from 'zod';
import { field } from '../../schema/fields.ts';
import { refusing } from '../../schema/refuse.ts';

const bodyText = refusing(
  z.string().max(4096, { abort: true }),
  /[^\P{Cc}\t\n\r]/u,
  'must not hold control characters other than tabs and line breaks',
);

export const respondSchema = z.strictObject({
  status: field(z.int().min(200).max(599), 'Status code of the answer.', 200),
  body: field(bodyText.optional(), 'Body of the answer; empty when absent.', 'pong\n'),
  contentType: field(
    z
      .string()
      .min(3)
      .max(256, { abort: true })
      .regex(
        /^[A-Za-z0-9!#$&^_.+-]+\/[A-Za-z0-9!#$&^_.+-]+(; ?[A-Za-z0-9_-]+=[A-Za-z0-9_."-]+)*$/,
        'must be a media type such as application/json',
      )
      .optional(),
    'Content-Type of the body; text/plain when absent.',
    'application/json',
  ),
});

export type RespondSpec = z.infer<typeof respondSchema>;
