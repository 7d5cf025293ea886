import type { IncomingHttpHeaders } from 'node:http';
import { LochError } from '../../core/errors.ts';
import type { IcebergAnswer } from './request.ts';
import type { IcebergTokens } from './tokens.ts';

const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

/**
 * `POST /v1/oauth/tokens`. Client credentials: the access key as client id, its secret as client secret, in the form or
 * in a Basic header. Token exchange: a token of this door for one that lasts anew.
 */
export async function grantToken(
  tokens: IcebergTokens,
  headers: IncomingHttpHeaders,
  body: Buffer,
): Promise<IcebergAnswer> {
  const form = new URLSearchParams(body.toString('utf8'));
  const { token, expiresSeconds } = await granted(tokens, headers, form);
  return {
    status: 200,
    body: {
      access_token: token,
      token_type: 'bearer',
      expires_in: expiresSeconds,
      issued_token_type: ACCESS_TOKEN,
      scope: form.get('scope') ?? 'catalog',
    },
    headers: { 'cache-control': 'no-store' },
  };
}

function granted(tokens: IcebergTokens, headers: IncomingHttpHeaders, form: URLSearchParams) {
  const grant = form.get('grant_type');
  if (grant === 'client_credentials') {
    const basic = basicOf(headers);
    return tokens.issue(form.get('client_id') ?? basic?.id ?? '', form.get('client_secret') ?? basic?.secret ?? '');
  }
  if (grant === EXCHANGE) {
    const type = form.get('subject_token_type');
    if (type !== ACCESS_TOKEN || form.has('actor_token')) {
      throw new LochError('unsupported', `Only a token of this door (${ACCESS_TOKEN}) is exchanged, without an actor.`);
    }
    return tokens.renew(form.get('subject_token') ?? '');
  }
  throw new LochError(
    'unsupported',
    `The grant type \`${grant}\` is not supported. Use client_credentials, or ${EXCHANGE} to renew a token.`,
  );
}

function basicOf(headers: IncomingHttpHeaders): { readonly id: string; readonly secret: string } | undefined {
  const match = /^Basic\s+([A-Za-z0-9+/=]+)$/i.exec(headers.authorization ?? '');
  const [, id, secret] = /^([^:]*):(.*)$/s.exec(Buffer.from(match?.[1] ?? '', 'base64').toString('utf8')) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

/** A refused token in OAuth's own form. **Source**: RFC 6749, section 5.2. */
export function tokenFailure(error: LochError): { readonly status: number; readonly body: string } {
  const known =
    error.code === 'unsupported'
      ? { error: 'unsupported_grant_type', status: 400 }
      : error.code === 'request_expired'
        ? { error: 'invalid_grant', status: 400 }
        : error.code === 'signature_mismatch' || error.code === 'unknown_access_key'
          ? { error: 'invalid_client', status: 401 }
          : { error: 'invalid_request', status: error.kind === 'user' ? 400 : error.status };
  const description = error.kind === 'internal' ? 'Loch failed inside.' : error.message;
  return { status: known.status, body: JSON.stringify({ error: known.error, error_description: description }) };
}
