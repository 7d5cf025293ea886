import type {
  GetTemporaryGluePartitionCredentialsRequest,
  GetTemporaryGlueTableCredentialsRequest,
  GetTemporaryGlueTableCredentialsResponse,
  Permission,
} from '@aws-sdk/client-lakeformation';
import type { Catalog, LentAccess } from '../../../catalog/contract.ts';
import type { RequestContext, StorageVerb } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import type { TableName } from '../../../governance/contract.ts';
import type { OperationSpec } from '../service.ts';

/** What lends storage credentials, and knows where partitions lie. */
export type Loans = Pick<Catalog, 'lendAccess' | 'getPartition'>;

const DEFAULT_SECONDS = 3_600;

/** What a permission asked for opens of a table's files. */
const VERBS: Partial<Record<Permission, readonly StorageVerb[]>> = {
  SELECT: ['read', 'list'],
  INSERT: ['write'],
  DELETE: ['delete'],
  ALL: ['read', 'list', 'write', 'delete'],
  SUPER_USER: ['read', 'list', 'write', 'delete'],
};

/** Credentials for the files of one table or partition. **Errors**: `access_denied`, of a filtered table with `filtered`. */
export function loanOperations({ lendAccess, getPartition }: Loans): Readonly<Record<string, OperationSpec>> {
  return {
    GetTemporaryGlueTableCredentials: {
      readOnly: true,
      async run(context, input: GetTemporaryGlueTableCredentialsRequest) {
        const lent = await lendAccess(context, tableOf(context, input.TableArn), {
          ...optionsOf(input),
          ...(input.S3Path === undefined ? {} : { within: input.S3Path }),
        });
        return answerOf(lent);
      },
      resources: (input: { TableArn?: string }, output) => told(input, output),
      partial: 'no engine is trusted with a filtered table: PermissionTypeMismatchException whatever it supports',
    },
    GetTemporaryGluePartitionCredentials: {
      readOnly: true,
      async run(context, input: GetTemporaryGluePartitionCredentialsRequest) {
        const name = tableOf(context, input.TableArn);
        const partition = await getPartition(context, name, input.Partition?.Values ?? []);
        const { VendedS3Path: _, ...keys } = answerOf(
          await lendAccess(context, name, { ...optionsOf(input), within: partition.location }),
        );
        return keys;
      },
      resources: (input: { TableArn?: string }, output) => told(input, output),
      partial: 'as GetTemporaryGlueTableCredentials; of partitions in the folder of their table',
    },
  };
}

/** The table, and the key that object reads are joined to it by. */
const told = (input: { TableArn?: string }, output?: { AccessKeyId?: string }) => [
  { type: 'AWS::Glue::Table', name: String(input.TableArn) },
  ...(output?.AccessKeyId === undefined ? [] : [{ type: 'AWS::IAM::AccessKey', name: output.AccessKeyId }]),
];

function tableOf(context: RequestContext, arn: string | undefined): TableName {
  const [, region, account, path] = /^arn:aws[\w-]*:glue:([\w-]*):(\d{12}):table\/(.+)$/.exec(arn ?? '') ?? [];
  const slash = path?.indexOf('/') ?? -1;
  if (path === undefined || slash < 1) {
    throw new LochError(
      'invalid_argument',
      `TableArn \`${arn ?? ''}\` is none. Write it as arn:aws:glue:${context.region}:${context.accountId}:table/<database>/<table>.`,
      { context: { argument: 'TableArn' } },
    );
  }
  if (account !== context.accountId || region !== context.region) {
    throw new LochError(
      'unsupported',
      `TableArn \`${arn}\` is of another account or region; this is ${context.accountId} in ${context.region}.`,
      {
        context: { argument: 'TableArn' },
      },
    );
  }
  return { database: path.slice(0, slash), table: path.slice(slash + 1) };
}

function optionsOf(input: {
  readonly DurationSeconds?: number | undefined;
  readonly Permissions?: readonly Permission[] | undefined;
}): {
  readonly seconds: number;
  readonly anyFormat: true;
  readonly verbs: readonly StorageVerb[];
} {
  const permissions = input.Permissions ?? ['SELECT'];
  const verbs = permissions.flatMap((permission) => {
    const found = VERBS[permission];
    if (found !== undefined) return found;
    throw new LochError(
      'invalid_argument',
      `Permissions: \`${permission}\` opens no files. Known: ${Object.keys(VERBS).join(', ')}.`,
      { context: { argument: 'Permissions' } },
    );
  });
  return { seconds: input.DurationSeconds ?? DEFAULT_SECONDS, anyFormat: true, verbs };
}

const answerOf = (lent: LentAccess): GetTemporaryGlueTableCredentialsResponse => ({
  AccessKeyId: lent.accessKeyId,
  SecretAccessKey: lent.secret.reveal(),
  SessionToken: lent.sessionToken.reveal(),
  Expiration: new Date(lent.expiresAt),
  VendedS3Path: [`s3://${lent.bucket}/${lent.prefix}`],
});
