import { LochError } from './errors.ts';

/** The parts of an Amazon Resource Name. **Source**: AWS General Reference, "ARNs". */
export interface Arn {
  readonly partition: string;
  readonly service: string;
  readonly region: string;
  readonly accountId: string;
  readonly resource: string;
}

/** The text of an ARN; the partition is `aws` unless given. */
export function formatArn(arn: Omit<Arn, 'partition'> & { readonly partition?: string }): string {
  return `arn:${arn.partition ?? 'aws'}:${arn.service}:${arn.region}:${arn.accountId}:${arn.resource}`;
}

/** **Errors**: `invalid_argument` when `text` is not of the form `arn:partition:service:region:account:resource`. */
export function parseArn(text: string): Arn {
  const parts = text.split(':');
  if (parts.length < 6 || parts[0] !== 'arn') {
    throw new LochError(
      'invalid_argument',
      `\`${text}\` is not an ARN. Write it as arn:partition:service:region:account:resource.`,
      { context: { arn: text } },
    );
  }
  return {
    partition: parts[1]!,
    service: parts[2]!,
    region: parts[3]!,
    accountId: parts[4]!,
    resource: parts.slice(5).join(':'),
  };
}

/** `arn:aws:s3:::bucket[/key]`. */
export const s3Arn = (bucket: string, key?: string): string =>
  `arn:aws:s3:::${bucket}${key === undefined ? '' : `/${key}`}`;

/** `arn:aws:iam::<account>:user/<name>` and its kin. */
export const iamArn = (accountId: string, resource: string): string => `arn:aws:iam::${accountId}:${resource}`;

/** `arn:aws:glue:<region>:<account>:catalog | database/<db> | table/<db>/<table>`. */
export const glueArn = (region: string, accountId: string, resource: string): string =>
  `arn:aws:glue:${region}:${accountId}:${resource}`;
