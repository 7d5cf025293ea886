import { LochError } from '../../core/errors.ts';
import type { IcebergAnswer } from './request.ts';
import type { IcebergTokens } from './tokens.ts';

const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

/** `POST /v1/oauth/tokens`, client credentials: the access key as client id, its secret as client secret. */
export async function grantToken(tokens: IcebergTokens, body: Buffer): Promise<IcebergAnswer> {
  const form = new URLSearchParams(body.toString('utf8'));
  const grant = form.get('grant_type');
  if (grant !== 'client_credentials') {
    throw new LochError('unsupported', `The grant type \`${grant}\` is not supported. Use client_credentials.`);
  }
  const { token, expiresSeconds } = await tokens.issue(form.get('client_id') ?? '', form.get('client_secret') ?? '');
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

/** A refused token in OAuth's own form. **Source**: RFC 6749, section 5.2. */
export function tokenFailure(error: LochError): { readonly status: number; readonly body: string } {
  const known =
    error.code === 'unsupported'
      ? { error: 'unsupported_grant_type', status: 400 }
      : error.code === 'signature_mismatch' || error.code === 'unknown_access_key'
        ? { error: 'invalid_client', status: 401 }
        : { error: 'invalid_request', status: error.kind === 'user' ? 400 : error.status };
  const description = error.kind === 'internal' ? 'Loch failed inside.' : error.message;
  return { status: known.status, body: JSON.stringify({ error: known.error, error_description: description }) };
}
