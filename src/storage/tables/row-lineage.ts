/**
 * Row ids of version 3: each snapshot gives the files that have none the next ones of the table.
 * **Source**: Iceberg specification, version 3, "Row Lineage".
 */
import { LochError } from '../../core/errors.ts';
import type { TableChange, TableMetadata } from './contract-types.ts';
import type { ManifestFile } from './manifest.ts';

/** The next row id of a table; undefined before version 3. */
export function nextRowId(metadata: TableMetadata): number | undefined {
  if (metadata['format-version'] < 3) return undefined;
  return Number(metadata['next-row-id'] ?? 0);
}

/** The manifests of a snapshot with row ids for those data manifests that have none, and how many rows that took. */
export function assignRowIds(
  base: TableMetadata,
  manifests: readonly ManifestFile[],
): { readonly manifests: readonly ManifestFile[]; readonly first?: number; readonly rows?: number } {
  const first = nextRowId(base);
  if (first === undefined) return { manifests };
  let next = first;
  const assigned = manifests.map((manifest) => {
    if (manifest.content === 1 || (manifest.first_row_id ?? null) !== null) return manifest;
    const from = next;
    next += (manifest.added_rows_count ?? 0) + (manifest.existing_rows_count ?? 0);
    return { ...manifest, first_row_id: from };
  });
  return { manifests: assigned, first, rows: next - first };
}

/** **Errors**: `unsupported` naming what a table of version 3 must not be given. */
export function assertChangeFits(base: TableMetadata, change: TableChange): void {
  if (base['format-version'] < 3) return;
  const refuse = (what: string) =>
    new LochError('unsupported', `The table at \`${base.location}\` is of Iceberg format version 3: ${what}`, {
      context: { location: base.location, version: 3 },
    });
  if (change.kind === 'delta' && change.deletes.some(({ kind }) => kind === 'position')) {
    throw refuse(
      'files of deleted positions cannot be added to it, and deletion vectors are only read here. Change its rows by an engine that writes version 3.',
    );
  }
  const copies = change.kind === 'delta' && (change.remove ?? []).length > 0;
  const rewrites = change.kind === 'replace' && change.operation === 'replace';
  if ((copies || rewrites) && change.files.length > 0) {
    throw refuse('its rows keep their ids, which a rewrite here would not. Do it by an engine that writes version 3.');
  }
}
