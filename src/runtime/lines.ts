/** A stream of bytes as lines: of each chunk those that it completes, perhaps none. */
import { ApiError } from '../kube/client.ts';

const newline = 0x0a;
/** Far above what etcd stores of one object; what is longer is no line of an API server. */
const longestLine = 64 * 2 ** 20;

/** Throws ApiError `Malformed` where the stream ends within a line. */
export async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<readonly string[]> {
  let begun: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      begun.push(chunk.subarray(start, end));
      lines.push(Buffer.concat(begun).toString('utf8'));
      begun = [];
      length = 0;
      start = end + 1;
    }
    if (start < chunk.length) begun.push(chunk.subarray(start));
    length += chunk.length - start;
    if (length > longestLine) throw malformed('a line never ends');
    yield lines.filter((line) => line.trim() !== '');
  }
  if (length > 0) throw malformed('the stream ended within a line');
}

export function malformed(what: string): ApiError {
  return new ApiError(`the API server's answer cannot be read: ${what}`, { reason: 'Malformed' });
}
