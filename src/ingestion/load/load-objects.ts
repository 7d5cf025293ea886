import { join } from 'node:path';
import type { CatalogColumn } from '../../catalog/contract.ts';
import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { EngineFile } from '../../engines/contract.ts';
import type { ObjectName } from '../../storage/contract.ts';
import type { LoaderDeps, LoadWork, WrittenRows } from './index.ts';
import { assertFits, type GroupColumn, mergedType, openGroup, type ReadableGroup, rowsSql } from './read-group.ts';
import { type FileFormat, groupFiles } from './source-files.ts';
import { columnsFor, layoutFor } from './target-table.ts';

/** Writes the rows of files as data files of the target. **Errors**: `invalid_argument` naming file and line. */
export async function writeObjects(
  deps: LoaderDeps,
  context: RequestContext,
  work: LoadWork,
  source: { readonly names: readonly ObjectName[]; readonly format?: FileFormat },
): Promise<WrittenRows> {
  const { target, folder, signal, progress } = work;
  if (source.names.length === 0) throw new LochError('invalid_argument', 'A load needs at least one file.');
  const { groups, bytes } = await groupFiles(deps.access, context, source.names, source.format);
  progress({ phase: 'looking', rows: 0, bytes });
  const opened: ReadableGroup[] = [];
  let rows = 0;
  for (const [i, group] of groups.entries()) {
    const open = await openGroup(deps, context, group, join(folder, `group-${i}`), signal);
    rows += open.rows;
    opened.push(open);
    progress({ phase: 'looking', rows, bytes });
  }
  const columns = columnsFor(target, offeredColumns(opened));
  if (target.mode === 'append') for (const group of opened) await assertFits(deps, context, group, columns, signal);
  const { layout } = layoutFor(deps, target, columns);
  const files: EngineFile[] = [];
  let written = 0;
  for (const [i, group] of opened.entries()) {
    const outcome = await deps.runner.run(
      context,
      {
        sql: layout.select(rowsSql(group, columns)),
        dialect: 'duckdb',
        result: {
          kind: 'parquet',
          directory: join(folder, `rows-${i}`),
          fieldIds: layout.fieldIds,
          ...(layout.partitionBy.length === 0
            ? {}
            : { partitionBy: layout.partitionBy, partitionColumnsInFiles: false }),
        },
        ...group.inputs,
      },
      signal,
    );
    files.push(...outcome.files);
    written += outcome.rowCount;
    progress({ phase: 'writing', rows: written, bytes });
  }
  return { columns, files, rows: written };
}

/** The columns of all groups, in order of their first appearance. */
function offeredColumns(groups: readonly ReadableGroup[]): CatalogColumn[] {
  const byName = new Map<string, GroupColumn[]>();
  for (const column of groups.flatMap(({ columns }) => columns)) {
    byName.set(column.name, [...(byName.get(column.name) ?? []), column]);
  }
  return [...byName].map(([name, columns]) => ({ name, type: mergedType(columns) }));
}
