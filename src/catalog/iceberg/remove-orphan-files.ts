import { LochError } from '../../core/errors.ts';
import { formatS3Uri, parseS3Uri } from '../../storage/contract.ts';
import type { Catalog } from '../contract.ts';
import { fold } from '../databases/parts.ts';
import { folderOf } from '../databases/rows.ts';
import type { IcebergParts } from './commit.ts';
import { maintainedTable } from './maintenance.ts';
import { isInside } from './table-place.ts';

const OLDER_THAN_MS = 3 * 24 * 3_600_000;
/** Files of a commit in flight are not reachable yet; none takes this long. */
const LEAST_AGE_MS = 3_600_000;

/** Removes files under the table's location that nothing leads to. What lies in another table's folder is left alone. */
export const removeOrphanFiles =
  (parts: IcebergParts): Catalog['removeOrphanFiles'] =>
  async (context, given, options = {}) => {
    const name = fold(given);
    const { metadata } = await maintainedTable(parts, context, name, ['ALTER', 'DELETE']);
    const before = parts.clock.now() - Math.max(LEAST_AGE_MS, options.olderThanMs ?? OLDER_THAN_MS);
    const under = options.under === undefined ? metadata.location : folderOf(normalized(options.under));
    if (under !== metadata.location && !isInside(metadata.location, `${under}/`)) {
      throw new LochError(
        'invalid_argument',
        `\`${options.under}\` does not lie under the table's location \`${metadata.location}\`. Orphans are looked for there alone.`,
        { context: { location: metadata.location } },
      );
    }
    const { bucket, key } = parseS3Uri(under);
    const candidates = await oldObjects(parts, bucket, `${key.replace(/\/+$/, '')}/`, before);
    // Read after the listing: a file that was committed meanwhile is reachable now.
    const now = await maintainedTable(parts, context, name, []);
    const reachable = await parts.tables.reachableFiles(now.metadata, now.location);
    const needed = new Set([...reachable.metadata, ...reachable.data].map(normalized));
    const orphans = candidates.filter(({ location, key: object }) => {
      const owner = parts.names.tableAt(bucket, object);
      // A Delta log beside the table is somebody's way to read it.
      const log = object.startsWith(`${parseS3Uri(metadata.location).key.replace(/\/+$/, '')}/_delta_log/`);
      return !log && !needed.has(location) && owner?.database === name.database && owner.table === name.table;
    });
    const files = orphans.map((orphan) => orphan.location);
    if (options.dryRun !== true) await parts.tables.removeFiles(files);
    return { files, bytes: orphans.reduce((sum, orphan) => sum + orphan.size, 0) };
  };

/** One spelling for `s3`, `s3a` and `s3n`. */
function normalized(location: string): string {
  return formatS3Uri(parseS3Uri(location));
}

async function oldObjects(parts: IcebergParts, bucket: string, prefix: string, before: number) {
  const found: { readonly location: string; readonly key: string; readonly size: number }[] = [];
  let startAfter: string | undefined;
  do {
    const page = await parts.objects.list(bucket, { prefix, ...(startAfter === undefined ? {} : { startAfter }) });
    for (const { key, size, lastModified } of page.objects) {
      if (lastModified < before) found.push({ location: formatS3Uri({ bucket, key }), key, size });
    }
    startAfter = page.next;
  } while (startAfter !== undefined);
  return found;
}
