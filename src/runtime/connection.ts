/** HTTP to one API server: who we are, whom we trust, and sockets. Knows no resources. */
import { isDeepStrictEqual } from 'node:util';
import { type Cluster, type DispatcherOptions, HttpMethod, KubeConfig, RequestContext } from '@kubernetes/client-node';
import { Agent, type buildConnector, type Dispatcher, ProxyAgent, request } from 'undici';
import { ApiError } from '../kube/client.ts';
import { type KubeconfigOptions, loadTarget, type Target } from './kubeconfig.ts';
import { messageOf, unreachable } from './refusal.ts';

export interface ConnectOptions extends KubeconfigOptions {
  /** `evengate/0.1.0` */
  readonly userAgent?: string;
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With its query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Also ends the reading of the body. */
  readonly signal?: AbortSignal;
}

/** Its body must be read to the end, or discarded: until then it holds a socket. */
export interface HttpResponse {
  readonly status: number;
  /** Undefined where there is none; of several the first. */
  header(name: string): string | undefined;
  /** Throws ApiError when the connection breaks. */
  text(): Promise<string>;
  /** As they arrive. Throws ApiError when the connection breaks. */
  chunks(): AsyncIterable<Buffer>;
  discard(): void;
}

export interface Connection {
  /** `https://10.96.0.1:443` */
  readonly server: string;
  /** Of the context, or of the pod. */
  readonly namespace: string;
  readonly inCluster: boolean;
  /** Any answer is a response; throws ApiError of code 0 where there is none, the signal's reason when aborted. No timeout. */
  send(request: HttpRequest): Promise<HttpResponse>;
  /** Breaks every open request. */
  close(): Promise<void>;
}

/** Reads the kubeconfig, or the pod's account; connects only to send. Throws KubeconfigError. */
export function connect({ userAgent, ...options }: ConnectOptions): Connection {
  return new HttpConnection(() => loadTarget(options), userAgent);
}

/** As a nobody, to a server that asks no questions. */
export function connectTo({ server, userAgent }: { readonly server: string; readonly userAgent?: string }): Connection {
  const target: Target = {
    cluster: { name: '', server, skipTLSVerify: false },
    user: { name: '' },
    namespace: 'default',
    inCluster: false,
    source: server,
  };
  return new HttpConnection(() => target, userAgent);
}

class HttpConnection implements Connection {
  readonly server: string;
  readonly namespace: string;
  readonly inCluster: boolean;
  readonly #load: () => Target;
  readonly #userAgent: string;
  #credentials: Credentials;
  #sockets: Sockets | undefined;

  constructor(load: () => Target, userAgent = 'evengate') {
    const target = load();
    this.#load = load;
    this.#userAgent = userAgent;
    this.#credentials = new Credentials(target);
    this.server = target.cluster.server;
    this.namespace = target.namespace;
    this.inCluster = target.inCluster;
  }

  async send(wanted: HttpRequest): Promise<HttpResponse> {
    const credentials = this.#credentials;
    const response = await this.#exchange(credentials, wanted);
    if (response.status !== 401) return response;
    const renewed = this.#renew(credentials);
    if (renewed === undefined) return response;
    await response.text();
    return await this.#exchange(renewed, wanted);
  }

  async close(): Promise<void> {
    await this.#sockets?.dispatcher.destroy();
  }

  /** Reads files and asks plugins anew, once for all the requests that were refused with what is known to be old. */
  #renew(refused: Credentials): Credentials | undefined {
    if (this.#credentials !== refused) return this.#credentials;
    try {
      const target = this.#load();
      // Of another cluster now, perhaps: a process stays with the one that it began with.
      if (target.cluster.server !== this.server) return undefined;
      this.#credentials = new Credentials(target);
      return this.#credentials;
    } catch {
      // A kubeconfig that is being written: the caller learns of the 401, and its next attempt reads again.
      return undefined;
    }
  }

  async #exchange(
    credentials: Credentials,
    { method, path, headers, body, signal }: HttpRequest,
  ): Promise<HttpResponse> {
    const url = `${this.server}${path}`;
    try {
      signal?.throwIfAborted();
      const identity = await this.#prove(credentials, url);
      const {
        statusCode,
        headers: answered,
        body: content,
      } = await request(url, {
        method,
        headers: { 'user-agent': this.#userAgent, ...identity.headers, ...headers },
        body: body ?? null,
        signal: signal ?? null,
        dispatcher: this.#dispatcher(identity),
      });
      return this.#response(statusCode, answered, { content, signal });
    } catch (error) {
      throw this.#failure(error, signal);
    }
  }

  async #prove(credentials: Credentials, url: string): Promise<Identity> {
    try {
      return await credentials.prove(url);
    } catch (error) {
      const why = messageOf(error).trim();
      const said = `cannot prove to the API server ${this.server} who we are: ${why}; check ${credentials.source}`;
      throw new ApiError(said, { reason: 'Unauthorized' });
    }
  }

  #response(
    status: number,
    headers: Dispatcher.ResponseData['headers'],
    {
      content,
      signal,
    }: { readonly content: Dispatcher.ResponseData['body']; readonly signal: AbortSignal | undefined },
  ): HttpResponse {
    const failure = (error: unknown) => this.#failure(error, signal);
    return {
      status,
      header(name) {
        const value = headers[name];
        return Array.isArray(value) ? value[0] : value;
      },
      async text() {
        return await content.text().catch((error: unknown) => {
          throw failure(error);
        });
      },
      async *chunks() {
        try {
          for await (const chunk of content) yield chunk as Buffer;
        } catch (error) {
          throw failure(error);
        }
      },
      discard: () => void content.on('error', () => undefined).destroy(),
    };
  }

  #failure(error: unknown, signal: AbortSignal | undefined): unknown {
    return signal?.aborted === true ? signal.reason : unreachable(this.server, error);
  }

  /** New sockets when a certificate was rotated; what is open stays on the old ones to its end. */
  #dispatcher({ transport, dispatcher }: Identity): Dispatcher {
    if (dispatcher !== undefined && this.#sockets?.transport === undefined) {
      this.#sockets ??= { transport: undefined, dispatcher };
      return this.#sockets.dispatcher;
    }
    if (this.#sockets === undefined || !isDeepStrictEqual(this.#sockets.transport, transport)) {
      const old = this.#sockets?.dispatcher;
      this.#sockets = { transport, dispatcher: openSockets(transport) };
      // Rejects only where it was destroyed meanwhile, which is as good.
      old?.close().catch(() => undefined);
    }
    return this.#sockets.dispatcher;
  }
}

interface Sockets {
  readonly transport: DispatcherOptions | undefined;
  readonly dispatcher: Dispatcher;
}

interface Identity {
  readonly headers: Readonly<Record<string, string>>;
  readonly transport: DispatcherOptions;
  /** Where only client-node can make one (SOCKS). */
  readonly dispatcher: Dispatcher | undefined;
}

/**
 * client-node's authentication (files, exec plugins, OIDC). It would make a new undici Agent, with sockets of its own, for
 * every request: we take what it would make it of, and keep one.
 */
class Credentials extends KubeConfig {
  readonly source: string;
  #transport: DispatcherOptions = { type: 'none' };

  constructor({ cluster, user, source }: Target) {
    super();
    this.source = source;
    this.loadFromClusterAndUser(cluster, user);
  }

  async prove(url: string): Promise<Identity> {
    const context = new RequestContext(url, HttpMethod.GET);
    await this.applySecurityAuthentication(context);
    const headers = Object.entries(context.getHeaders()).map(([name, value]) => [name, value.trim()]);
    return {
      headers: Object.fromEntries(headers),
      transport: this.#transport,
      dispatcher: context.getDispatcher() as Dispatcher | undefined,
    };
  }

  override createDispatcherOptions(
    cluster: Cluster | null,
    agentOptions: Parameters<KubeConfig['createDispatcherOptions']>[1],
  ): DispatcherOptions {
    // client-node refuses plain HTTP (kubectl proxy, tests) unless a TLS check is switched off that there is none of.
    const plain = cluster?.server.startsWith('http:') === true && cluster.proxyUrl === undefined;
    const options: DispatcherOptions = plain ? { type: 'none' } : super.createDispatcherOptions(cluster, agentOptions);
    if (options.type === 'socks') return options;
    this.#transport = options;
    return { type: 'none' };
  }
}

/** The same options, which client-node's types spell with `| undefined`. */
type TlsOptions = buildConnector.BuildOptions;

function openSockets(transport: DispatcherOptions): Dispatcher {
  const common = {
    // One socket a watch, as many as are needed: a dead HTTP/2 session would take all watches with it.
    allowH2: false,
    // Shorter than load balancers and API servers keep an idle socket, so that no write meets a closing one.
    keepAliveTimeout: 20_000,
    connectTimeout: 10_000,
    // The client's deadlines are on its own clock.
    headersTimeout: 0,
    bodyTimeout: 0,
  };
  if (transport.type === 'proxy') {
    const { uri, requestTls, connect: proxy } = transport;
    return new ProxyAgent({ ...common, uri, requestTls: requestTls as TlsOptions, connect: proxy as TlsOptions });
  }
  const connect = transport.type === 'agent' ? transport.connect : { keepAlive: true, keepAliveInitialDelay: 30_000 };
  return new Agent({ ...common, connect: connect as TlsOptions });
}
