import type { RequestContext } from '../../core/caller.ts';
import { isLochError, LochError } from '../../core/errors.ts';
import type { Catalog, CatalogColumn, ResolvedTable } from '../../catalog/contract.ts';
import type { Policy, TableName } from '../../governance/contract.ts';
import type { IcebergSchema, TableMetadata } from '../../storage/contract.ts';
import { fieldIdsOf } from './data-files.ts';
import { type PartitionLayout, partitionLayout } from './partition-layout.ts';

/** The table a run writes, as it was when the run looked. */
export interface Target {
  readonly name: TableName;
  readonly location: string;
  /** The snapshot the run builds on; undefined for a table without rows. */
  readonly snapshotId?: string;
  readonly fieldIds: Readonly<Record<string, number>>;
  readonly layout: PartitionLayout;
}

export interface TargetDeps {
  readonly catalog: Catalog;
  readonly policy: Policy;
}

/**
 * The target of a run, made (or widened by new columns) when it must be.
 * **Errors**: `unsupported` for a table that is not Iceberg, `type_mismatch` naming the columns that do not fit.
 */
export async function openTarget(
  deps: TargetDeps,
  context: RequestContext,
  wanted: {
    readonly name: TableName;
    readonly columns: readonly CatalogColumn[];
    readonly partition?: readonly { readonly column: string; readonly transform: string }[];
    readonly description?: string;
    /** `keep`: columns of the table that the run does not know are refused. `replace`: they go. */
    readonly otherColumns: 'keep' | 'replace';
  },
): Promise<Target> {
  const found = await findTable(deps.catalog, context, wanted.name);
  if (found === undefined) {
    const made = await deps.catalog.createIcebergTable(context, {
      database: wanted.name.database,
      name: wanted.name.table,
      columns: wanted.columns,
      ...(wanted.partition === undefined ? {} : { partition: wanted.partition }),
      ...(wanted.description === undefined ? {} : { description: wanted.description }),
    });
    return toTarget(wanted.name, made);
  }
  if (found.metadata === undefined) {
    throw new LochError(
      'unsupported',
      `\`${wanted.name.database}.${wanted.name.table}\` is a ${found.record.format} table; jobs write Iceberg tables. Name another target, or drop this one.`,
    );
  }
  // Asked here too, before hours of work: the commit asks again.
  await deps.policy.authorizeTable(context, wanted.name, 'INSERT');
  return toTarget(wanted.name, await fitColumns(deps.catalog, context, found, wanted));
}

/**
 * Refuses to rewrite a table of which the principal sees a part only: the rest would be lost.
 * **Errors**: `access_denied`.
 */
export async function assertSeesAll(
  deps: TargetDeps,
  context: RequestContext,
  name: TableName,
  columns: readonly CatalogColumn[],
): Promise<void> {
  const shape = await deps.policy.tableShape(context, name, columns);
  if (shape.kind === 'full') return;
  throw new LochError(
    'access_denied',
    `${context.principal.arn} sees only a part of \`${name.database}.${name.table}\`, and this job rewrites the whole. Grant unfiltered SELECT on it, or run the job as someone who holds it.`,
    { context: { principal: context.principal.arn, table: `${name.database}.${name.table}` } },
  );
}

async function findTable(
  catalog: Catalog,
  context: RequestContext,
  name: TableName,
): Promise<ResolvedTable | undefined> {
  try {
    return await catalog.resolveTable(context, name);
  } catch (error) {
    if (isLochError(error, 'table_not_found')) return undefined;
    throw error;
  }
}

async function fitColumns(
  catalog: Catalog,
  context: RequestContext,
  found: ResolvedTable,
  wanted: {
    readonly name: TableName;
    readonly columns: readonly CatalogColumn[];
    readonly otherColumns: 'keep' | 'replace';
  },
): Promise<ResolvedTable> {
  const table = `${wanted.name.database}.${wanted.name.table}`;
  const there = new Map(found.record.columns.map((column) => [column.name, column.type.toLowerCase()]));
  const names = new Set(wanted.columns.map((column) => column.name));
  const surplus = [...there.keys()].filter((name) => !names.has(name));
  if (surplus.length > 0 && wanted.otherColumns === 'keep') {
    throw new LochError(
      'type_mismatch',
      `\`${table}\` has columns the job does not write: ${surplus.join(', ')}. Add them to the job, or drop them from the table.`,
      { context: { table, columns: surplus } },
    );
  }
  const other = wanted.columns.filter((column) => there.get(column.name) !== column.type.toLowerCase());
  if (other.length === 0 && surplus.length === 0) return found;
  if (wanted.otherColumns === 'keep') {
    const changed = other.find((column) => there.has(column.name));
    if (changed !== undefined) {
      throw new LochError(
        'type_mismatch',
        `Column \`${changed.name}\` of \`${table}\` is ${there.get(changed.name)}, the job makes it ${changed.type}. Change one of them.`,
        { context: { table, column: changed.name } },
      );
    }
  }
  return catalog.evolveSchema(context, wanted.name, wanted.columns);
}

function toTarget(name: TableName, table: ResolvedTable): Target {
  const metadata = table.metadata as TableMetadata;
  const schema = metadata.schemas.find((s) => s['schema-id'] === metadata['current-schema-id']) as IcebergSchema;
  const snapshotId = metadata['current-snapshot-id'];
  return {
    name,
    location: metadata.location,
    ...(snapshotId === undefined ? {} : { snapshotId }),
    fieldIds: fieldIdsOf(schema),
    layout: partitionLayout(metadata),
  };
}
