import type { Catalog } from '../contract.ts';
import { fold } from '../databases/parts.ts';
import { commitTable } from './commit-table.ts';
import type { IcebergParts } from './commit.ts';
import { maintainedTable } from './maintenance.ts';

/** Joins the small manifests of a table; a table with one or none is left alone. */
export const rewriteManifests = (parts: IcebergParts): Catalog['rewriteManifests'] => {
  const commit = commitTable(parts);
  return async (context, given) => {
    const name = fold(given);
    const { metadata } = await maintainedTable(parts, context, name, ['INSERT', 'DELETE']);
    const before = await parts.tables.manifestCount(metadata);
    if (before < 2) return { before, after: before };
    await commit(context, name, {
      kind: 'replace',
      operation: 'replace',
      remove: [],
      files: [],
      mergeManifests: true,
    });
    const after = await maintainedTable(parts, context, name, []);
    return { before, after: await parts.tables.manifestCount(after.metadata) };
  };
};
