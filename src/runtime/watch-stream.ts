/** What a watch says, line by line. */
import type { KubeObject } from '../kube/object.ts';
import { linesOf, malformed } from './lines.ts';
import { eventError } from './refusal.ts';

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: KubeObject;
}

/** The events of each chunk that arrived, perhaps none. Ends when the server ends it; throws ApiError for an ERROR event and for what is no event. */
export async function* watchEvents(chunks: AsyncIterable<Buffer>): AsyncGenerator<readonly WatchEvent[]> {
  for await (const lines of linesOf(chunks)) {
    const events: WatchEvent[] = [];
    let failure: unknown;
    for (const line of lines) {
      try {
        events.push(decode(line));
      } catch (error) {
        failure = error;
        break;
      }
    }
    // What came before a failure counts.
    yield events;
    if (failure !== undefined) throw failure;
  }
}

function decode(line: string): WatchEvent {
  const { type, object } = parse(line);
  if (type === 'ERROR') throw eventError(object);
  if (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED' && type !== 'BOOKMARK') {
    throw malformed('an event has no known type');
  }
  const metadata = object?.metadata;
  if (typeof metadata?.resourceVersion !== 'string' || (type !== 'BOOKMARK' && typeof metadata.name !== 'string')) {
    throw malformed('an event has no object');
  }
  return { type, object: object as KubeObject };
}

interface Line {
  readonly type?: unknown;
  readonly object?: Partial<KubeObject> | null;
}

/** Never quotes the line: it may be a Secret. */
function parse(line: string): Line {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Said below.
  }
  throw malformed('a line is no JSON object');
}
