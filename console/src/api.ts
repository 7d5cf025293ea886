/** Calls of the own HTTP API, as the console makes them. Types are those of the contracts on the server. */

import type { QueryClient } from '@tanstack/react-query';

/** What the server answers to a failed call. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;
  readonly requestId: string | undefined;

  constructor(status: number, body: { code?: string; message?: string; requestId?: string }) {
    super(body.message ?? `The server answered ${status}.`);
    this.code = body.code ?? 'unknown';
    this.status = status;
    this.requestId = body.requestId;
  }
}

/** Who the console looks through the eyes of; set by "see as". */
let viewedAs: string | undefined;

/** Sends the following calls as another user would see them (root only), or as oneself again. */
export function viewAs(arn: string | undefined): void {
  viewedAs = arn;
}

/** Drops every answer held: what one principal was shown must not be seen by the next, not even while it is asked anew. */
export async function forgetAll(client: QueryClient): Promise<void> {
  client.removeQueries({ type: 'inactive' });
  await client.resetQueries();
}

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`/api${path}`, {
    method,
    headers: {
      'x-loch-request': '1',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(viewedAs === undefined ? {} : { 'x-loch-view-as': viewedAs }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch(() => {
    throw new ApiError(0, { code: 'unreachable', message: 'Loch does not answer. Is it running? (loch status)' });
  });
  const text = await response.text();
  const parsed = text === '' ? undefined : JSON.parse(text);
  if (!response.ok) throw new ApiError(response.status, parsed ?? {});
  return parsed as T;
}

export const api = {
  get: <T>(path: string) => call<T>('GET', path),
  post: <T>(path: string, body?: unknown) => call<T>('POST', path, body ?? {}),
  put: <T>(path: string, body: unknown) => call<T>('PUT', path, body),
  delete: <T = void>(path: string) => call<T>('DELETE', path),
};

/** A path with its parts encoded: `at\`/tables/${db}/${table}\``. */
export function at(strings: TemplateStringsArray, ...parts: readonly (string | number)[]): string {
  return strings.reduce(
    (path, text, i) => path + text + (i < parts.length ? encodeURIComponent(String(parts[i])) : ''),
    '',
  );
}

/** Uploads a file as an object under `raw/landing/`, with progress. */
export function uploadFile(
  file: File,
  path: string,
  onProgress: (share: number) => void,
): Promise<{ bucket: string; key: string }> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('PUT', `/api${path}`);
    request.setRequestHeader('x-loch-request', '1');
    request.upload.onprogress = (event) => onProgress(event.total === 0 ? 1 : event.loaded / event.total);
    request.onerror = () => reject(new ApiError(0, { message: 'The upload was cut off.' }));
    request.onload = () => {
      const body = JSON.parse(request.responseText || '{}');
      if (request.status < 300) resolve(body);
      else reject(new ApiError(request.status, body));
    };
    request.send(file);
  });
}
