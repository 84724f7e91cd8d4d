/** Where traffic goes. */

/** A Service port. Names come from what it points at, never from a position. */
export interface Backend {
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
  readonly protocol: 'HTTP/1.1' | 'HTTP/2';
}
