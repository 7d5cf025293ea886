/** Where replicas go, by the ARN a rule names. */
import { LochError } from '../../core/errors.ts';

export type Destination =
  | { readonly kind: 'bucket'; readonly bucket: string }
  | { readonly kind: 'remote'; readonly connection: string; readonly bucket: string };

/** **Errors**: `invalid_argument` naming both forms. */
export function parseDestination(arn: string): Destination {
  const own = /^arn:aws:s3:::([^/:*?]+)$/.exec(arn)?.[1];
  if (own !== undefined) return { kind: 'bucket', bucket: own };
  const [, connection, bucket] = /^arn:loch:s3:[^:]*:[^:]*:([^/]+)\/([^/]+)$/.exec(arn) ?? [];
  if (connection !== undefined && bucket !== undefined) return { kind: 'remote', connection, bucket };
  throw new LochError(
    'invalid_argument',
    `\`${arn}\` is no destination. Name a bucket here, arn:aws:s3:::BUCKET, or one of another service, arn:loch:s3:REGION:ACCOUNT:CONNECTION/BUCKET, with the name of a connection (Glue CreateConnection) that has ENDPOINT, REGION, USERNAME and PASSWORD.`,
  );
}
