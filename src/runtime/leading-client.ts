/** A Client that writes only while its process leads: one that was stopped and wakes up knows before it does harm. */
import { ApiError, type Client } from '../kube/client.ts';
import type { Election } from './leader.ts';

export function leadingClient(client: Client, election: Pick<Election, 'holds'>): Client {
  const write = <T>(send: () => Promise<T>): Promise<T> =>
    election.holds()
      ? send()
      : Promise.reject(new ApiError('not the leader any more, so nothing was written', { reason: 'NotLeader' }));
  return {
    get: (type, name, options) => client.get(type, name, options),
    list: (type, options) => client.list(type, options),
    text: (request) => client.text(request),
    apply: (type, object, options) => write(() => client.apply(type, object, options)),
    create: (type, object, options) => write(() => client.create(type, object, options)),
    replace: (type, object, options) => write(() => client.replace(type, object, options)),
    patch: (type, name, body, options) => write(() => client.patch(type, name, body, options)),
    delete: (type, name, options) => write(() => client.delete(type, name, options)),
  };
}
