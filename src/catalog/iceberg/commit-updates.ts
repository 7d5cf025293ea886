/**
 * Commits that an engine prepared by itself: requirements checked and updates applied on whatever the table is by then.
 *
 * Invariants
 * - Each kind of update needs its own permission; a data commit never changes schema, properties or place unasked.
 * - No file outside the table's location becomes part of it: manifests could otherwise be forged to read other tables.
 */
import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { LakePermission, TableName } from '../../governance/contract.ts';
import type { Snapshot, TableMetadata, TableUpdate } from '../../storage/contract.ts';
import type { Catalog, ResolvedTable, TableUpdates } from '../contract.ts';
import { authorizeGlue, readTable, requireTable } from '../databases/access.ts';
import { fold } from '../databases/parts.ts';
import { authorizeNewTable, type NewTable } from '../databases/register-table.ts';
import { type Attempt, type CommitBase, type IcebergParts, unwritten } from './commit.ts';
import { commitChange } from './commit-change.ts';
import { freeLocation, icebergInput, registerIcebergTable } from './create-iceberg-table.ts';
import { requireClearSight } from './open-for-engine.ts';
import { addedSnapshots, assertFilesInside, assertPlace, assertSpecsUnused } from './table-place.ts';

export const commitUpdates =
  (parts: IcebergParts): Catalog['commitUpdates'] =>
  async (context, given, change) => {
    const name = fold(given);
    if (change.requirements.some((requirement) => requirement.type === 'assert-create')) {
      return createByUpdates(parts, context, name, change);
    }
    await authorizeUpdates(parts, context, name, change);
    await commitChange(parts, context, name, (base) => stageUpdates(parts, base, change));
    const record = await readTable(parts, context, name);
    return { record, metadata: await parts.tables.readMetadata(record.metadataLocation!) };
  };

/** Everything a caller needs for updates of a table that is there. */
export async function authorizeUpdates(
  parts: IcebergParts,
  context: RequestContext,
  name: TableName,
  change: TableUpdates,
): Promise<void> {
  await authorizeGlue(parts, context, 'UpdateTable', name);
  for (const permission of permissionsFor(change.updates)) await requireTable(parts, context, name, permission);
  await requireClearSight(parts, context, name, await readTable(parts, context, name));
}

/** The metadata after the updates, of which nothing is written. **Errors**: `commit_conflict`, `invalid_argument`. */
export async function stageUpdates(parts: IcebergParts, base: CommitBase, change: TableUpdates): Promise<Attempt> {
  const { expectedVersion } = change;
  if (expectedVersion !== undefined && expectedVersion !== base.record.version) {
    throw new LochError(
      'conflict',
      `Table \`${base.record.database}.${base.record.name}\` is at version ${base.record.version}, not ${expectedVersion}. Read it again and repeat the change.`,
      { context: { table: base.record.name, expected: expectedVersion, found: base.record.version } },
    );
  }
  parts.tables.assertRequirements(base.metadata, change.requirements);
  const metadata = parts.tables.applyUpdates(base.metadata, change.updates);
  assertPlace(base.metadata, metadata);
  const added = addedSnapshots(base.metadata, metadata);
  await assertFilesInside(parts, base.metadata, metadata);
  await assertSpecsUnused(parts, base.metadata, metadata);
  const last = added.at(-1)?.summary;
  return {
    staged: unwritten(metadata),
    operation: last?.operation ?? 'metadata',
    addedRows: Number(last?.['added-records'] ?? 0),
  };
}

/** A staged create: everything the table is comes with its first commit. */
async function createByUpdates(
  parts: IcebergParts,
  context: RequestContext,
  name: TableName,
  change: TableUpdates,
): Promise<ResolvedTable> {
  const { checked, metadata } = await prepareCreate(parts, context, name, change);
  return registerIcebergTable(parts, context, checked, metadata);
}

/** The authorized table that updates with `assert-create` make. **Errors**: `already_exists`, `invalid_argument`. */
export async function prepareCreate(
  parts: IcebergParts,
  context: RequestContext,
  name: TableName,
  change: TableUpdates,
): Promise<{ readonly checked: NewTable; readonly metadata: TableMetadata }> {
  parts.tables.assertRequirements(undefined, change.requirements);
  const stated = change.updates.find((update) => update.action === 'set-location')?.location;
  if (typeof stated !== 'string') {
    throw new LochError('invalid_argument', `A table that is created by a commit needs \`set-location\`.`);
  }
  const location = await freeLocation(parts, name.table, stated);
  const applied = parts.tables.applyUpdates(blankMetadata(location), change.updates);
  const metadata = applied['table-uuid'] === '' ? { ...applied, 'table-uuid': newId() } : applied;
  assertPlace({ ...metadata, location, properties: {} }, metadata);
  const schema = metadata.schemas.find((candidate) => candidate['schema-id'] === metadata['current-schema-id']);
  if (schema === undefined) throw new LochError('invalid_argument', 'A table that is created needs a current schema.');
  const checked = await authorizeNewTable(parts, context, {
    database: name.database,
    input: icebergInput({ name: name.table }, location, parts.tables.columnsFromSchema(schema)),
  });
  await assertFilesInside(parts, undefined, metadata);
  return { checked, metadata };
}

function blankMetadata(location: string): TableMetadata {
  return {
    'format-version': 2,
    'table-uuid': '',
    location,
    'last-sequence-number': 0,
    'last-updated-ms': 0,
    'last-column-id': 0,
    schemas: [],
    'current-schema-id': -1,
    'partition-specs': [],
    'default-spec-id': 0,
    'last-partition-id': 999,
    properties: {},
    snapshots: [],
    'snapshot-log': [],
    'metadata-log': [],
    'sort-orders': [],
    'default-sort-order-id': 0,
    refs: {},
  };
}

function permissionsFor(updates: readonly TableUpdate[]): ReadonlySet<LakePermission> {
  const needed = new Set<LakePermission>();
  const added = new Set<string>();
  for (const update of updates) {
    switch (update.action) {
      case 'add-snapshot': {
        const snapshot = update.snapshot as Snapshot | undefined;
        added.add(String(snapshot?.['snapshot-id']));
        needed.add('INSERT');
        if (snapshot?.summary?.operation !== 'append') needed.add('DELETE');
        break;
      }
      case 'set-snapshot-ref':
        // Making what was just added current is part of adding it; pointing elsewhere takes rows away or back.
        if (added.has(String(update['snapshot-id']))) break;
        needed.add('INSERT');
        needed.add('DELETE');
        break;
      case 'remove-snapshots':
      case 'remove-snapshot-ref':
        needed.add('DELETE');
        break;
      case 'set-statistics':
      case 'remove-statistics':
      case 'set-partition-statistics':
      case 'remove-partition-statistics':
        needed.add('INSERT');
        break;
      default:
        needed.add('ALTER');
    }
  }
  return needed;
}
