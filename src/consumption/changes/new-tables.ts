/** What holds of every table that a query makes, and of every place it writes to. */
import { s3Arn } from '../../core/arn.ts';
import { isLochError, LochError } from '../../core/errors.ts';
import type { EngineColumn } from '../../engines/contract.ts';
import type { TableName } from '../../governance/contract.ts';
import { parseS3Uri } from '../../storage/contract.ts';
import type { ChangeDeps, ChangeRun } from './deps.ts';

/** Whether a table of the name is there, for a caller who may know. */
export async function exists(deps: Pick<ChangeDeps, 'catalog'>, run: Pick<ChangeRun, 'context'>, name: TableName) {
  try {
    await deps.catalog.resolveTable(run.context, name);
    return true;
  } catch (error) {
    if (isLochError(error, 'table_not_found', 'database_not_found')) return false;
    throw error;
  }
}

/** **Errors**: `invalid_argument` for columns that have no name of their own. */
export function assertNames(columns: readonly EngineColumn[]): void {
  const seen = new Set<string>();
  for (const { name } of columns) {
    const folded = name.toLowerCase();
    if (folded.startsWith('_col') && /^_col\d+$/.test(folded)) {
      throw new LochError(
        'invalid_argument',
        `Column name not specified at position ${Number(folded.slice(4)) + 1}. Give it an alias.`,
        {
          context: { errorName: 'MISSING_COLUMN_NAME' },
        },
      );
    }
    if (seen.has(folded)) {
      throw new LochError('invalid_argument', `Column name \`${folded}\` is specified more than once.`, {
        context: { name: folded, errorName: 'DUPLICATE_COLUMN_NAME' },
      });
    }
    seen.add(folded);
  }
}

/** **Errors**: `invalid_argument` for a place where there is something. */
export async function assertEmpty(deps: Pick<ChangeDeps, 'objects'>, location: string): Promise<void> {
  const [, bucket, key = ''] = /^s3[an]?:\/\/([^/]+)\/?(.*)$/.exec(location) ?? [];
  if (bucket === undefined) {
    throw new LochError('invalid_argument', `\`${location}\` is no location. Write s3://bucket/folder/.`);
  }
  const folder = key.replace(/\/+$/, '');
  const { objects } = await deps.objects.list(bucket, { prefix: folder === '' ? '' : `${folder}/`, maxKeys: 1 });
  if (objects.length === 0) return;
  throw new LochError(
    'invalid_argument',
    `Target location \`${location}\` is not empty (\`${objects[0]!.key}\` lies there): nothing is overwritten. Choose another one, or remove what is there.`,
    { context: { location, errorName: 'HIVE_PATH_ALREADY_EXISTS' } },
  );
}

/** Whether the caller may put files under a place. **Errors**: `access_denied`; `invalid_argument` for no location. */
export async function authorizeWriting(
  deps: Pick<ChangeDeps, 'policy' | 'objects'>,
  run: Pick<ChangeRun, 'context'>,
  location: string,
): Promise<void> {
  if (!location.startsWith('s3://')) {
    throw new LochError('invalid_argument', `\`${location}\` is no location. Write s3://bucket/folder/.`);
  }
  const { bucket, key } = parseS3Uri(location);
  const folder = key.replace(/\/+$/, '');
  await deps.objects.bucket(bucket);
  const governed = await deps.policy.registeredLocation(bucket, `${folder}/`);
  if (governed !== undefined) await deps.policy.authorizeDataLocation(run.context, governed);
  else {
    await deps.policy.authorize(run.context, {
      action: 's3:PutObject',
      resource: s3Arn(bucket, folder === '' ? '*' : `${folder}/*`),
    });
  }
}
