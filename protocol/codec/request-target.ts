/**
 * Method and URL of a request, in the form in which they are signed.
 *
 * @spec 04-messages §7
 * Owns: which URLs there are, so that what is signed, what is sent and what is routed cannot differ.
 * Must not know: signatures. Nothing is decoded or normalised but the case and the default port of the authority.
 */
import { ProtocolError } from '../errors.ts';

/** Where a request goes. */
export interface RequestTarget {
  /** Upper case, as `POST`. */
  readonly method: string;
  /** Absolute, scheme http, https, ws or wss. */
  readonly url: string;
}

/** The values of the derived components (RFC 9421 §2.2). */
export interface ComponentValues {
  readonly method: string;
  /** Host in lower case, with its port unless that is the scheme's default. */
  readonly authority: string;
  readonly path: string;
  /** With its question mark; a lone `?` where there is no query. */
  readonly query: string;
}

const METHOD = /^[A-Z]{1,16}$/;
const URL_PARTS = /^(https?|wss?):\/\/([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?(\/[^?]*)?(\?.*)?$/;
/** Characters that mean themselves in a path: no percent-encoding, hence one text a path. */
const PATH = /^[A-Za-z0-9\-._~!$&()*+,;=:@/]*$/;
/** In a query, percent-encoding besides: upper-case hex. */
const QUERY = /^\?(?:[A-Za-z0-9\-._~!$&()*+,;=:@/?]|%[0-9A-F]{2})*$/;
const DOT_SEGMENT = /(?:^|\/)\.{1,2}(?:\/|$)/;
const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: '80', ws: '80', https: '443', wss: '443' };

/**
 * Takes a request target apart without changing its path or query.
 * @throws {ProtocolError} `InvalidArgument`: `bad-method`; `bad-url` for user info, a fragment, a dot segment, a
 * percent-encoded path, and any character that would be encoded or normalised on the way.
 */
export function componentValues(target: RequestTarget): ComponentValues {
  const { method, url } = target;
  if (!METHOD.test(method)) throw new ProtocolError('InvalidArgument', 'parse', 'bad-method', 'method');
  const parts = URL_PARTS.exec(url);
  const [, scheme = '', host = '', port, path = '/', query = '?'] = parts ?? [];
  // @req MSG-26
  if (parts === null || !PATH.test(path) || DOT_SEGMENT.test(path) || !QUERY.test(query)) {
    throw new ProtocolError('InvalidArgument', 'parse', 'bad-url', 'url');
  }
  const shown = port === undefined || port === DEFAULT_PORTS[scheme] ? '' : `:${port}`;
  return { method, authority: host.toLowerCase() + shown, path, query };
}
