import { LochError } from '../../../core/errors.ts';
import { proceduresOver } from '../../../metadata/contract.ts';
import { countOf, type Db, entityRow, limitReached } from './found.ts';
import type { AccessKeyRow, EntityRow, IdentityTables } from './tables.ts';

const { read, write } = proceduresOver<IdentityTables>();

/** Whose keys: a user by name, or root. */
export interface KeyOwner {
  readonly account: string;
  /** Undefined for root. */
  readonly user: string | undefined;
}

async function ownerOf(db: Db, owner: KeyOwner): Promise<{ id: string; name: string }> {
  if (owner.user === undefined) return { id: owner.account, name: 'root' };
  return entityRow(db, { account: owner.account, kind: 'user', name: owner.user });
}

const changed = (name: string, change: string) =>
  ({ name: 'governanceIdentityChanged', payload: { kind: 'accessKey', name, change } }) as const;

interface NewKey {
  readonly accessKeyId: string;
  readonly sealed: Uint8Array;
}

async function insertKey(db: Db, account: string, ownerId: string, key: NewKey, now: number) {
  const row: AccessKeyRow = {
    access_key_id: key.accessKeyId,
    account_id: account,
    owner_id: ownerId,
    sealed: key.sealed,
    status: 'Active',
    created_at: now,
  };
  await db.insertInto('identity_access_key').values(row).execute();
  return row;
}

const keysOf = (db: Db, ownerId: string) =>
  db
    .selectFrom('identity_access_key')
    .selectAll()
    .where('owner_id', '=', ownerId)
    .orderBy('created_at')
    .orderBy('access_key_id');

export const accessKeyProcedures = {
  createAccessKey: write(async (db, args: KeyOwner & { key: NewKey; quota: number }, context) => {
    const owner = await ownerOf(db, args);
    const count = await countOf(
      db
        .selectFrom('identity_access_key')
        .select((e) => e.fn.countAll<number>().as('n'))
        .where('owner_id', '=', owner.id),
    );
    if (count >= args.quota) throw limitReached('access keys per user', args.quota);
    const row = await insertKey(db, args.account, owner.id, args.key, context.now);
    context.emit(changed(args.key.accessKeyId, 'created'));
    return { row, owner: owner.name };
  }),

  /** The oldest key of root, made from `key` when there is none. */
  ensureRootKey: write(async (db, args: { account: string; key: NewKey }, context) => {
    const [known] = await keysOf(db, args.account).limit(1).execute();
    if (known !== undefined) return { row: known, created: false };
    const row = await insertKey(db, args.account, args.account, args.key, context.now);
    context.emit(changed(args.key.accessKeyId, 'created'));
    return { row, created: true };
  }),

  accessKeys: read(async (db, args: KeyOwner) => {
    const owner = await ownerOf(db, args);
    return { rows: await keysOf(db, owner.id).execute(), owner: owner.name };
  }),

  updateAccessKey: write(async (db, args: KeyOwner & { accessKeyId: string; status: string }, context) => {
    const owner = await ownerOf(db, args);
    const result = await db
      .updateTable('identity_access_key')
      .set({ status: args.status })
      .where('access_key_id', '=', args.accessKeyId)
      .where('owner_id', '=', owner.id)
      .executeTakeFirst();
    if (result.numUpdatedRows === 0n) throw keyNotFound(args.accessKeyId, owner.name);
    context.emit(changed(args.accessKeyId, 'updated'));
  }),

  deleteAccessKey: write(async (db, args: KeyOwner & { accessKeyId: string }, context) => {
    const owner = await ownerOf(db, args);
    const result = await db
      .deleteFrom('identity_access_key')
      .where('access_key_id', '=', args.accessKeyId)
      .where('owner_id', '=', owner.id)
      .executeTakeFirst();
    if (result.numDeletedRows === 0n) throw keyNotFound(args.accessKeyId, owner.name);
    await db.deleteFrom('identity_key_use').where('access_key_id', '=', args.accessKeyId).execute();
    context.emit(changed(args.accessKeyId, 'deleted'));
  }),

  /** Emits no event: that a key was used changes nobody's rights, and must not empty the memory of principals. */
  noteKeyUse: write(async (db, args: { accessKeyId: string; at: number; service: string; region: string }) => {
    const { accessKeyId, ...use } = args;
    await db
      .insertInto('identity_key_use')
      .values({ access_key_id: accessKeyId, ...use })
      .onConflict((c) => c.column('access_key_id').doUpdateSet(use))
      .execute();
  }),

  keyUse: read(async (db, args: { accessKeyId: string }) =>
    db
      .selectFrom('identity_key_use')
      .select(['at', 'service', 'region'])
      .where('access_key_id', '=', args.accessKeyId)
      .executeTakeFirst(),
  ),

  /** A key with the user it belongs to (none for root), for authentication. */
  accessKey: read(
    async (db, args: { accessKeyId: string }): Promise<{ key: AccessKeyRow; owner?: EntityRow } | undefined> => {
      const key = await db
        .selectFrom('identity_access_key')
        .selectAll()
        .where('access_key_id', '=', args.accessKeyId)
        .executeTakeFirst();
      if (key === undefined) return undefined;
      const owner = await db
        .selectFrom('identity_entity')
        .selectAll()
        .where('id', '=', key.owner_id)
        .executeTakeFirst();
      return { key, ...(owner === undefined ? {} : { owner }) };
    },
  ),
};

function keyNotFound(accessKeyId: string, owner: string): LochError {
  return new LochError('not_found', `The access key \`${accessKeyId}\` of \`${owner}\` does not exist.`, {
    context: { accessKeyId },
  });
}
