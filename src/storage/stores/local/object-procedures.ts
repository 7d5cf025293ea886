import type { Kysely } from 'kysely';
import { serializeError, type SerializedError, LochError } from '../../../core/errors.ts';
import { type ProcedureContext, proceduresOver } from '../../../metadata/contract.ts';
import type { AttributeChange, BucketVersioning, DeleteName, ObjectAttributes, ReplicaOf } from '../../contract.ts';
import { checkDeleteConditions, checkWriteConditions } from '../conditions.ts';
import { objectMarkedDeleted, objectMissing, versionIsMarker, versionMissing } from '../names.ts';
import { traitsOf } from '../../tiers/storage-classes.ts';
import { assertLockable, assertRemovable, changedAttributes } from '../object-lock.ts';
import {
  type AnyVersion,
  assertBucket,
  attributesOf,
  findNewest,
  findVersion,
  type KeyState,
  makeWay,
  putMarker,
  removeOnly,
  removeVersion,
  shelveBelow,
  stateOf,
} from './key-versions.ts';
import {
  type FoundRow,
  formatDetail,
  keyText,
  type ObjectDetail,
  type ObjectRow,
  type ObjectTables,
  shownIdOf,
} from './rows.ts';
import { statement } from './statement.ts';

const { read, write } = proceduresOver<ObjectTables>();
type Db = Kysely<ObjectTables>;

/** A version whose bytes are durable and that nobody sees yet. Rank and whether it is null are decided by `putVersion`. */
export interface NewVersion {
  readonly row: Omit<ObjectRow, 'rank' | 'is_null'>;
  readonly operation: string;
  readonly attributes?: ObjectAttributes;
  readonly ifMatch?: string;
  readonly ifNoneMatch?: string;
  readonly replica?: ReplicaOf;
}

/** What the transaction made of a new version. */
export interface PutFacts {
  readonly rank: number;
  readonly is_null: number;
  readonly versioning: BucketVersioning | null;
}

/** One name to delete; `markerId` is the version id of the marker, should one be made. */
export interface RemoveName extends Omit<DeleteName, 'key'> {
  readonly key: Uint8Array;
  readonly markerId: string;
}

/** What happened to one name. */
export interface Removed {
  readonly versionId?: string;
  readonly isNull?: true;
  readonly deleteMarker?: true;
  readonly error?: SerializedError;
}

interface RemoveArgs {
  readonly bucket: string;
  readonly at: number;
  readonly operation: string;
  readonly bypassGovernance: boolean;
  readonly replica?: ReplicaOf;
}

const selectObject = statement<FoundRow>(
  `SELECT c.*, b.versioning FROM object_current c JOIN object_bucket b ON b.name = c.bucket
   WHERE c.bucket = ? AND c.key = ?`,
);
const selectVersioning = statement<{ versioning: BucketVersioning | null }>(
  'SELECT versioning FROM object_bucket WHERE name = ?',
);
const upsertObject = statement(
  `INSERT INTO object_current (bucket, key, version_id, size, etag, modified_at, segment, place, detail, rank, is_null,
     shown_id)
   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
   ON CONFLICT (bucket, key) DO UPDATE SET version_id = excluded.version_id, size = excluded.size, etag = excluded.etag,
     modified_at = excluded.modified_at, segment = excluded.segment, place = excluded.place, detail = excluded.detail,
     rank = excluded.rank, is_null = excluded.is_null, shown_id = excluded.shown_id`,
);
const updateCurrent = statement('UPDATE object_current SET detail = ? WHERE bucket = ? AND key = ?');
const updateOlder = statement('UPDATE object_version SET detail = ? WHERE bucket = ? AND key = ? AND rank = ?');
const insertMove = statement(
  `INSERT INTO object_move (version_id, bucket, key, not_before, attempts) VALUES (?, ?, ?, 0, 0)
   ON CONFLICT (version_id) DO UPDATE SET not_before = 0, attempts = 0, failure = NULL`,
);
const selectParts = statement<{ parts: string }>('SELECT parts FROM object_version_parts WHERE version_id = ?');

/** Its class may name another place than the one it lies in: whoever moves bytes is to look. */
async function queueMove(db: Db, { version_id, bucket, key }: Pick<ObjectRow, 'version_id' | 'bucket' | 'key'>) {
  await insertMove(db, version_id, bucket, key);
}

const asNull = (isNull: boolean) => (isNull ? { isNull: true as const } : {});
const shownId = (row: Pick<ObjectRow, 'version_id' | 'is_null' | 'shown_id'>): string =>
  row.is_null === 1 ? 'null' : shownIdOf(row);

/** Makes a version the current one of its key. Conditions are decided here, where no other writer can come between. */
export async function putVersion(db: Db, version: NewVersion, context: ProcedureContext): Promise<PutFacts> {
  const { row } = version;
  const state = await stateOf(db, row.bucket, row.key);
  const key = keyText(row.key);
  checkWriteConditions({ bucket: row.bucket, key }, state.current?.etag, version);
  assertLockable(row.bucket, state.objectLock, version.attributes);
  const isNull = state.versioning !== 'Enabled';
  const below = version.replica === undefined ? undefined : await putReplica(db, state, version);
  const rank = below ?? (await makeWay(db, state, isNull, row.modified_at));
  if (below === undefined)
    await upsertObject(
      db,
      row.bucket,
      row.key,
      row.version_id,
      row.size,
      row.etag,
      row.modified_at,
      row.segment,
      row.place,
      row.detail,
      rank,
      isNull ? 1 : 0,
      row.shown_id ?? null,
    );
  if (version.attributes !== undefined && traitsOf(version.attributes).place !== 'hot') await queueMove(db, row);
  context.emit({
    name: 'storageObjectCreated',
    payload: {
      bucket: row.bucket,
      key,
      size: row.size,
      etag: row.etag,
      versionId: shownIdOf(row),
      operation: version.operation,
      ...asNull(isNull),
    },
  });
  return { rank, is_null: isNull ? 1 : 0, versioning: state.versioning };
}

/**
 * A replica takes its place by its age; undefined when it is the newest. **Errors**: `already_exists` when the key has it,
 * `invalid_bucket_state` where versions are not kept.
 */
async function putReplica(db: Db, state: KeyState, { row, replica }: NewVersion): Promise<number | undefined> {
  await assertTakesReplica(db, state, replica!);
  return shelveBelow(db, state, row, false);
}

async function assertTakesReplica(db: Db, state: KeyState, { versionId }: ReplicaOf): Promise<void> {
  const { bucket } = state;
  if (state.versioning !== 'Enabled') {
    throw new LochError(
      'invalid_bucket_state',
      `The bucket \`${bucket}\` keeps no versions, so it takes no replicas.`,
      {
        context: { bucket },
      },
    );
  }
  if ((await findVersion(db, bucket, state.key, versionId)) === undefined) return;
  throw new LochError('already_exists', `The key has the version \`${versionId}\` already.`, {
    context: { bucket, versionId },
  });
}

async function remove(db: Db, args: RemoveArgs, name: RemoveName, context: ProcedureContext): Promise<Removed> {
  if (name.versionId !== undefined) return removeOne(db, args, name, name.versionId, context);
  const state = await stateOf(db, args.bucket, name.key);
  const { current } = state;
  const facts = current === undefined ? undefined : { ...current, modifiedAt: current.modified_at };
  const isMarked = current === undefined && (await findNewest(db, args.bucket, name.key)) !== undefined;
  checkDeleteConditions({ bucket: args.bucket, key: keyText(name.key) }, facts, name, isMarked);
  return state.versioning === null
    ? removeUnversioned(db, args, state, context)
    : markDeleted(db, args, state, name.markerId, context);
}

async function removeUnversioned(
  db: Db,
  args: RemoveArgs,
  state: KeyState,
  context: ProcedureContext,
): Promise<Removed> {
  if (state.current === undefined) return {};
  await removeOnly(db, state, args.at);
  const { version_id, size, etag } = state.current;
  const { bucket, operation } = args;
  context.emit({
    name: 'storageObjectDeleted',
    payload: { bucket, key: keyText(state.key), versionId: version_id, operation, isNull: true, size, etag },
  });
  return {};
}

async function markDeleted(
  db: Db,
  args: RemoveArgs,
  state: KeyState,
  versionId: string,
  context: ProcedureContext,
): Promise<Removed> {
  const isNull = state.versioning !== 'Enabled';
  const { replica } = args;
  if (replica !== undefined) await assertTakesReplica(db, state, replica);
  await putMarker(db, state, {
    versionId,
    isNull,
    at: replica?.modifiedAt ?? args.at,
    ...(replica === undefined ? {} : { shownId: replica.versionId }),
  });
  const { bucket, operation } = args;
  context.emit({
    name: 'storageObjectDeleted',
    payload: {
      bucket,
      key: keyText(state.key),
      versionId: replica?.versionId ?? versionId,
      operation,
      deleteMarker: true,
      markedAt: replica?.modifiedAt ?? args.at,
      ...asNull(isNull),
    },
  });
  return { versionId: replica?.versionId ?? versionId, deleteMarker: true, ...asNull(isNull) };
}

async function removeOne(
  db: Db,
  args: RemoveArgs,
  name: RemoveName,
  versionId: string,
  context: ProcedureContext,
): Promise<Removed> {
  const { bucket, at, operation } = args;
  const key = keyText(name.key);
  const found = await findVersion(db, bucket, name.key, versionId);
  const facts = found === undefined || found.is_marker === 1 ? undefined : { ...found, modifiedAt: found.modified_at };
  checkDeleteConditions({ bucket, key }, facts, name, found?.is_marker === 1);
  if (found === undefined) {
    await assertBucket(db, bucket);
    return versionId === 'null' ? { versionId, isNull: true } : { versionId };
  }
  assertRemovable({ bucket, key }, attributesOf(found), { now: at, bypassGovernance: args.bypassGovernance });
  await removeVersion(db, found, at);
  const { size, etag, is_null, is_marker } = found;
  const version_id = shownIdOf(found);
  const marker = is_marker === 1;
  context.emit({
    name: 'storageObjectDeleted',
    payload: {
      bucket,
      key,
      versionId: version_id,
      operation,
      ...asNull(is_null === 1),
      ...(marker ? { wasMarker: true as const } : { size, etag }),
    },
  });
  return { versionId: version_id, ...asNull(is_null === 1), ...(marker ? { deleteMarker: true as const } : {}) };
}

/** **Errors**: that of the first reason why there is nothing to read or change. */
export async function requireVersion(
  db: Db,
  bucket: string,
  key: Uint8Array,
  versionId: string | undefined,
): Promise<AnyVersion> {
  const found =
    versionId === undefined ? await findNewest(db, bucket, key) : await findVersion(db, bucket, key, versionId);
  if (found?.is_marker === 0) return found;
  await assertBucket(db, bucket);
  if (found === undefined) {
    throw versionId === undefined
      ? objectMissing(bucket, keyText(key))
      : versionMissing(bucket, keyText(key), versionId);
  }
  throw versionId === undefined
    ? objectMarkedDeleted(bucket, keyText(key), shownId(found))
    : versionIsMarker(bucket, keyText(key), shownId(found), found.modified_at);
}

interface UpdateArgs {
  readonly bucket: string;
  readonly key: Uint8Array;
  readonly versionId?: string;
  readonly change: AttributeChange;
  readonly now: number;
  readonly bypassGovernance: boolean;
  readonly operation: string;
}

/** Changes attributes of a version. **Errors**: those of `ObjectStore.updateAttributes`. */
export async function update(db: Db, args: UpdateArgs, context: ProcedureContext): Promise<FoundRow> {
  const { bucket, change } = args;
  const key = keyText(args.key);
  const state = await stateOf(db, bucket, args.key);
  const found = await requireVersion(db, bucket, args.key, args.versionId);
  assertLockable(bucket, state.objectLock, change);
  const detail = JSON.parse(found.detail) as ObjectDetail;
  const attributes = changedAttributes({ bucket, key }, detail.attributes ?? {}, change, args);
  const text = formatDetail({ ...detail, attributes });
  if (found.current) await updateCurrent(db, text, bucket, args.key);
  else await updateOlder(db, text, bucket, args.key, found.rank);
  const members = Object.entries(change).filter(([, value]) => value !== undefined);
  if (members.some(([member]) => member === 'storageClass' || member === 'accessTier')) await queueMove(db, found);
  context.emit({
    name: 'storageObjectChanged',
    payload: {
      bucket,
      key,
      versionId: shownIdOf(found),
      ...asNull(found.is_null === 1),
      size: found.size,
      etag: found.etag,
      set: members.filter(([, value]) => value !== null).map(([member]) => member),
      removed: members.filter(([, value]) => value === null).map(([member]) => member),
      operation: args.operation,
      ...(attributes.storageClass === undefined ? {} : { storageClass: attributes.storageClass }),
      ...(attributes.restore?.until === undefined ? {} : { restoreUntil: attributes.restore.until }),
    },
  });
  return { ...found, detail: text, versioning: state.versioning };
}

export const objectProcedures = {
  put: write((db, args: NewVersion, context) => putVersion(db, args, context)),

  remove: write((db, args: RemoveArgs & { name: RemoveName }, context) => remove(db, args, args.name, context)),

  /** All names in one transaction; a refusal is an outcome, any other failure ends it. */
  removeMany: write(async (db, args: RemoveArgs & { names: readonly RemoveName[] }, context): Promise<Removed[]> => {
    await assertBucket(db, args.bucket);
    const outcomes: Removed[] = [];
    for (const name of args.names) {
      try {
        outcomes.push(await remove(db, args, name, context));
      } catch (error) {
        // Refusals come before the first change to their key.
        if (!(error instanceof LochError) || error.kind !== 'user') throw error;
        outcomes.push({ error: serializeError(error) });
      }
    }
    return outcomes;
  }),

  update: write(update),

  /** The rows of the named objects in order, delete markers included; undefined for one that is not there. */
  objects: read(
    async (
      db,
      args: { refs: readonly { bucket: string; key: Uint8Array; versionId?: string }[] },
    ): Promise<(FoundRow | undefined)[]> => {
      const found: (FoundRow | undefined)[] = [];
      for (const { bucket, key, versionId } of args.refs) {
        if (versionId === undefined) {
          const rows = await selectObject(db, bucket, key);
          found.push(rows[0]);
          continue;
        }
        const version = await findVersion(db, bucket, key, versionId);
        const [facts] = version === undefined ? [] : await selectVersioning(db, bucket);
        found.push(version === undefined ? undefined : { ...version, versioning: facts?.versioning ?? null });
      }
      return found;
    },
  ),

  /** Fails with the reason why there is nothing to read. */
  explainMissing: read(async (db, args: { bucket: string; key: Uint8Array; versionId?: string }): Promise<void> => {
    await requireVersion(db, args.bucket, args.key, args.versionId);
  }),

  versionParts: read(async (db, args: { versionId: string }): Promise<string | undefined> => {
    const [row] = await selectParts(db, args.versionId);
    return row?.parts;
  }),
};
