/**
 * Canonical requests of AWS Signature Version 4.
 * **Source**: AWS IAM User Guide, "Create a signed AWS API request"; Amazon S3 API Reference, "Authenticating requests".
 *
 * Invariants
 * - Text is encoded by RFC 3986 over UTF-8: only `A-Z a-z 0-9 - . _ ~` stay as they are.
 * - S3 encodes the path once and keeps `.`, `..` and empty segments; every other service normalizes them and encodes the
 *   already encoded path again.
 * - A `+` in a query is a space, as every reader of the same query takes it.
 */

import { isUtf8 } from 'node:buffer';

export type HeaderValues = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Percent-encoding as signatures want it. */
export function uriEncode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The decoded text, or undefined when it is not valid percent-encoded UTF-8. */
export function uriDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** The path of an S3 canonical request. A path that cannot be decoded stands for itself. */
export function canonicalS3Path(rawPath: string): string {
  const decoded = uriDecode(rawPath);
  if (decoded === undefined) return rawPath;
  return decoded === '' ? '/' : uriEncode(decoded).replaceAll('%2F', '/');
}

/** The path of any other service's canonical request. */
export function canonicalServicePath(rawPath: string): string {
  const segments: string[] = [];
  for (const segment of rawPath.split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment === '..') segments.pop();
    else segments.push(segment);
  }
  const trailing = segments.length > 0 && rawPath.endsWith('/') ? '/' : '';
  return uriEncode(`/${segments.join('/')}${trailing}`).replaceAll('%2F', '/');
}

/** The parameters of a raw query in order, decoded. A part that cannot be decoded stands for itself. */
export function parseQuery(rawQuery: string): [name: string, value: string][] {
  const parameters: [string, string][] = [];
  for (const part of rawQuery.split('&')) {
    if (part === '') continue;
    const at = part.indexOf('=');
    const plain = (text: string) => {
      const spaced = text.replaceAll('+', ' ');
      return uriDecode(spaced) ?? spaced;
    };
    parameters.push(at === -1 ? [plain(part), ''] : [plain(part.slice(0, at)), plain(part.slice(at + 1))]);
  }
  return parameters;
}

/** The sorted query of a canonical request; a presigned request leaves its signature out. */
export function canonicalQuery(parameters: readonly (readonly [string, string])[], without?: string): string {
  const encoded: [string, string][] = [];
  for (const [name, value] of parameters) {
    if (name !== without) encoded.push([uriEncode(name), uriEncode(value)]);
  }
  encoded.sort((a, b) => (a[0] === b[0] ? compare(a[1], b[1]) : compare(a[0], b[0])));
  return encoded.map(([name, value]) => `${name}=${value}`).join('&');
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** The canonical lines of the signed headers, each `name:value\n`. */
export function canonicalHeaders(headers: HeaderValues, signed: readonly string[]): string {
  let lines = '';
  for (const name of signed) {
    const value = headers[name];
    const text = typeof value === 'string' ? value : (value ?? []).join(',');
    lines += `${name}:${asSigned(text).trim().replace(/\s+/g, ' ')}\n`;
  }
  return lines;
}

/** Node reads header bytes as Latin-1; a client that sent UTF-8 signed those bytes. */
function asSigned(text: string): string {
  if (!/[\u0080-\uffff]/.test(text)) return text;
  const bytes = Buffer.from(text, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : text;
}
