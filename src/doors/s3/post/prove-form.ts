/**
 * Who signed a form: by Signature Version 4, or by Version 2, over the policy as it stands in the form.
 * **Source**: S3 API Reference, "Calculating a signature" of "Browser-based uploads using POST".
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Principal } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import type { Identities } from '../../../governance/contract.ts';
import { createSigningKeys, signatureEquals, signText } from '../../kit/sigv4/index.ts';
import { s3Failure } from '../errors.ts';

type Fields = ReadonlyMap<string, string>;

/** What proving needs. */
export interface ProofDeps {
  readonly identities: Identities;
  readonly region: string;
}

/**
 * Who signed; undefined for a form without policy, which nobody has.
 * **Errors**: `invalid_argument` for half a signature; `unknown_access_key`, `signature_mismatch`, `expired_token`.
 */
export async function proveForm(fields: Fields, deps: ProofDeps): Promise<Principal | undefined> {
  const policy = fields.get('policy');
  const signed = fields.has('signature') || fields.has('x-amz-signature');
  if (policy === undefined) {
    if (!signed) return undefined;
    throw missing('policy');
  }
  if (fields.has('x-amz-signature') || fields.has('x-amz-algorithm')) return proveV4(fields, policy, deps);
  const accessKeyId = required(fields, 'awsaccesskeyid', 'AWSAccessKeyId');
  const signature = Buffer.from(required(fields, 'signature', 'signature'), 'base64');
  const known = await keyOf(accessKeyId, fields, deps);
  const expected = createHmac('sha1', known.secret.reveal()).update(policy).digest();
  if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) throw mismatch(accessKeyId);
  return known.principal;
}

async function proveV4(fields: Fields, policy: string, deps: ProofDeps): Promise<Principal> {
  const algorithm = required(fields, 'x-amz-algorithm', 'X-Amz-Algorithm');
  if (algorithm !== 'AWS4-HMAC-SHA256') {
    throw new LochError('invalid_argument', `X-Amz-Algorithm only supports "AWS4-HMAC-SHA256", not \`${algorithm}\`.`);
  }
  const credential = required(fields, 'x-amz-credential', 'X-Amz-Credential').split('/');
  const [date = '', region = '', service = '', end] = credential.slice(-4);
  const accessKeyId = credential.slice(0, -4).join('/');
  const stamp = required(fields, 'x-amz-date', 'X-Amz-Date');
  const signature = required(fields, 'x-amz-signature', 'X-Amz-Signature');
  if (
    accessKeyId === '' ||
    service !== 's3' ||
    end !== 'aws4_request' ||
    region !== deps.region ||
    !stamp.startsWith(date)
  ) {
    throw s3Failure(
      'AuthorizationQueryParametersError',
      'malformed_request',
      `The credential must be <access key id>/<date>/${deps.region}/s3/aws4_request, of the date of X-Amz-Date.`,
      { region: deps.region },
    );
  }
  const known = await keyOf(accessKeyId, fields, deps);
  const key = createSigningKeys(1).derive({ accessKeyId, date, region, service }, known.secret);
  if (!signatureEquals(signText(key, policy), signature)) throw mismatch(accessKeyId);
  return known.principal;
}

async function keyOf(accessKeyId: string, fields: Fields, { identities }: ProofDeps) {
  const known = await identities.accessKey(accessKeyId, fields.get('x-amz-security-token'));
  if (known !== undefined) return known;
  throw new LochError('unknown_access_key', `The access key \`${accessKeyId}\` does not exist or is not active.`, {
    context: { accessKeyId },
  });
}

const mismatch = (accessKeyId: string) =>
  new LochError(
    'signature_mismatch',
    'The signature does not match the policy of the form. Check the secret access key.',
    {
      context: { accessKeyId },
    },
  );

function required(fields: Fields, name: string, shown: string): string {
  const value = fields.get(name);
  if (value === undefined || value === '') throw missing(shown);
  return value;
}

function missing(shown: string): LochError {
  return new LochError(
    'invalid_argument',
    `Bucket POST must contain a field named '${shown}'.  If it is specified, please check the order of the fields.`,
    { context: { argument_name: shown, argument_value: '' } },
  );
}
