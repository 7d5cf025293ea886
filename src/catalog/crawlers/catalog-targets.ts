/** Catalog targets: tables that are there are crawled again where their data lies, and written under their own names. */
import { LochError } from '../../core/errors.ts';
import { parseS3Uri } from '../../storage/contract.ts';
import type { CrawlerTarget } from '../contract.ts';
import databaseStore from '../databases/store.ts';
import type { CrawlerParts } from './crawler-parts.ts';
import type { StoredRun } from './rows.ts';

/** A target that was a catalog target: the files of one table. */
export interface TableTarget extends CrawlerTarget {
  /** The table it was named by. */
  readonly table?: string;
}

/** The run with its catalog targets as the places of their tables. **Errors**: `not_found` naming the table. */
export async function withTablePlaces(parts: CrawlerParts, stored: StoredRun): Promise<StoredRun> {
  const { definition } = stored;
  if (!definition.targets.some((target) => target.kind === 'catalog')) return stored;
  const targets: TableTarget[] = [];
  for (const target of definition.targets) {
    const [database = '', name = ''] = target.path.toLowerCase().split('/');
    const record = await parts.store.read(databaseStore.procedures.table, { database, name });
    const location = record?.storage.location ?? '';
    if (record === undefined || !/^s3[an]?:/.test(location) || record.metadataLocation !== undefined) {
      const why = record === undefined ? 'does not exist' : 'has no files that a crawl classifies';
      throw new LochError('not_found', `The catalog target \`${target.path}\` ${why}.`, {
        context: { database, name },
      });
    }
    const { bucket, key } = parseS3Uri(location);
    const path = `s3://${bucket}/${key === '' || key.endsWith('/') ? key : `${key}/`}`;
    targets.push({ kind: 's3', path, exclusions: [], table: name });
  }
  return { ...stored, definition: { ...definition, targets } };
}
