import type { ClientConfig } from 'pg';
import { LochError } from '../../../core/errors.ts';
import type { Secret } from '../../../core/secret.ts';

const CONNECT_TIMEOUT_MS = 15_000;

function parseUrl(url: Secret): URL {
  let parsed: URL | undefined;
  try {
    parsed = new URL(url.reveal());
  } catch {
    // The text may hold a password, so that it is not repeated.
  }
  if (parsed === undefined || !['postgres:', 'postgresql:'].includes(parsed.protocol)) {
    throw new LochError(
      'invalid_argument',
      'The source is not a PostgreSQL address. Write it as postgres://user:password@host:port/database.',
    );
  }
  return parsed;
}

/** The address without what is secret in it: the password and all parameters but `sslmode`. */
export function shownUrl(url: Secret): string {
  const { protocol, username, password, host, pathname, searchParams } = parseUrl(url);
  const user = username === '' ? '' : `${username}${password === '' ? '' : ':***'}@`;
  const sslmode = searchParams.get('sslmode');
  return `${protocol}//${user}${host}${pathname}${sslmode === null ? '' : `?sslmode=${sslmode}`}`;
}

/** How a client of the snapshot connects. **Errors**: `invalid_argument`. */
export function clientConfig(url: Secret): ClientConfig {
  parseUrl(url);
  return {
    connectionString: url.reveal(),
    application_name: 'loch',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
  };
}
