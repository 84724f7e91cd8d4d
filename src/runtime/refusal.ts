/** Why there was no answer, or what a refusal says, as ApiError. */
import { ApiError, type Cause } from '../kube/client.ts';

const sentences: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused; is it running, and is this its address?',
  ENOTFOUND: 'its name is unknown; check the address and DNS',
  EAI_AGAIN: 'its name cannot be looked up now; check DNS',
  EHOSTUNREACH: 'no route to it; check the network',
  ENETUNREACH: 'no route to it; check the network',
  ETIMEDOUT: 'connection timed out; check the address, the network and its firewall',
  UND_ERR_CONNECT_TIMEOUT: 'connection timed out; check the address, the network and its firewall',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was closed',
  UND_ERR_SOCKET: 'the connection was closed',
  CERT_HAS_EXPIRED: 'its certificate has expired; renew it',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name; correct the address, or set tls-server-name',
  EPROTO: 'it does not speak TLS as we do; http or https?',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS; is it http?',
};

const untrusted = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
]);

/** ApiError of code 0 for anything that kept an answer from coming. */
export function unreachable(server: string, error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const code = codeOf(error);
  const why = untrusted.has(code)
    ? `its certificate is not trusted (${code}); give its CA as certificate-authority in the kubeconfig`
    : (sentences[code] ?? messageOf(error));
  return new ApiError(`cannot reach the API server ${server}: ${why}`, { reason: 'Unreachable' });
}

/** Of what may be no Error, or one of another realm. */
export function messageOf(error: unknown): string {
  const { message } = (error ?? {}) as { readonly message?: unknown };
  return typeof message === 'string' ? message : String(error);
}

function codeOf(error: unknown): string {
  // Node tries several addresses of a name and reports all.
  const { errors } = (error ?? {}) as { readonly errors?: unknown };
  const first: unknown = Array.isArray(errors) ? errors[0] : error;
  const code = (first as { readonly code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : '';
}

interface Status {
  readonly kind?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly metadata?: { readonly continue?: string };
  readonly details?: {
    readonly causes?: readonly Partial<Cause>[];
    readonly retryAfterSeconds?: number;
  };
}

/** `about` names the request where the answer does not say what it is about: `GET /api/v1/pods`. */
export function refusal(
  about: string,
  status: number,
  answer: { text: string; retryAfter?: string | undefined },
): ApiError {
  const retryAfterMs = retryAfter(answer.retryAfter);
  const body = parseStatus(answer.text);
  if (body !== undefined) return statusError(body, { code: status, retryAfterMs, about });
  const said = answer.text.trim().slice(0, 200);
  return new ApiError(`${about} answered ${status}${said === '' ? '' : `: ${said}`}`, {
    code: status,
    reason: reasons[status] ?? 'Unknown',
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** What a proxy, or an API server on its way up or down, leaves unsaid. */
const reasons: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** Kubernetes says no more than `Unauthorized`. */
const unknown = 'the API server does not know the token or certificate, or it has expired; renew it in the kubeconfig';

/** Of the object of an ERROR event. */
export function eventError(object: unknown): ApiError {
  return statusError((object ?? {}) as Status, { code: 500, retryAfterMs: undefined, about: 'watch' });
}

function statusError(
  status: Status,
  known: { readonly code: number; readonly retryAfterMs: number | undefined; readonly about: string },
): ApiError {
  const code = typeof status.code === 'number' ? status.code : known.code;
  const seconds = status.details?.retryAfterSeconds;
  const retryAfterMs = known.retryAfterMs ?? (typeof seconds === 'number' ? seconds * 1000 : undefined);
  const causes = (status.details?.causes ?? []).map(({ field = '', reason = '', message = '' }) => ({
    field,
    reason,
    message,
  }));
  const said = status.message || `${known.about} answered ${code}`;
  return new ApiError(code === 401 ? `${said}: ${unknown}` : said, {
    code,
    reason: status.reason || (reasons[code] ?? 'Unknown'),
    causes,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

function parseStatus(text: string): Status | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const body = JSON.parse(text) as Status;
    return body.kind === 'Status' ? body : undefined;
  } catch {
    // Half an answer says no more than its status code.
    return undefined;
  }
}

/** Seconds, as API servers say it; dates are not honoured. */
function retryAfter(value: string | undefined): number | undefined {
  return value !== undefined && /^\d{1,6}$/.test(value) ? Number(value) * 1000 : undefined;
}
