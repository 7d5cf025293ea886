/**
 * Keys at rest. Material is sealed before it comes here.
 *
 * Invariant: what a procedure changes it first finds in the state that allows the change; two who change one key at the
 * same time cannot both win.
 */
import type { Kysely } from 'kysely';
import { defineStoreModule, type ProcedureContext, proceduresOver } from '../../metadata/contract.ts';
import { keyFailure } from './contract.ts';
import {
  type AliasRow,
  type GrantRow,
  type KeyRow,
  type KeyTables,
  type MaterialRow,
  keyMigrations,
} from './store/tables.ts';

const { read, write } = proceduresOver<KeyTables>();
type Db = Kysely<KeyTables>;

/** A key with all that belongs to it. */
export interface StoredKey {
  readonly row: KeyRow;
  readonly materials: readonly MaterialRow[];
  readonly aliases: readonly string[];
  readonly grants: readonly GrantRow[];
  readonly use?: { readonly at: number; readonly operation: string };
}

const changed = (context: ProcedureContext, keyId: string, change: string) =>
  context.emit({ name: 'governanceKeyChanged', payload: { keyId, change } });

const keyRow = (db: Db, keyId: string) =>
  db.selectFrom('kms_key').selectAll().where('key_id', '=', keyId).executeTakeFirst();

async function existing(db: Db, keyId: string, arn = keyId): Promise<KeyRow> {
  const row = await keyRow(db, keyId);
  if (row === undefined) throw keyFailure('NotFoundException', `Key '${arn}' does not exist.`);
  return row;
}

async function addCurrent(db: Db, material: MaterialRow): Promise<void> {
  await db.updateTable('kms_material').set({ current: 0 }).where('key_id', '=', material.key_id).execute();
  await db.insertInto('kms_material').values(material).execute();
}

/**
 * Everything of a key but its name in the audit: after this its ciphertexts open never again. Free pages of the database
 * may hold the sealed bytes until they are used again; without the master key they are nothing.
 */
async function destroy(db: Db, keyId: string): Promise<void> {
  for (const table of ['kms_material', 'kms_alias', 'kms_grant', 'kms_use', 'kms_key'] as const) {
    await db.deleteFrom(table).where('key_id', '=', keyId).execute();
  }
}

const page = <T>(rows: T[], limit: number) => ({ rows: rows.slice(0, limit), more: rows.length > limit });

const procedures = {
  key: read(async (db, args: { keyId: string }): Promise<StoredKey | undefined> => {
    const row = await keyRow(db, args.keyId);
    if (row === undefined) return undefined;
    const { keyId } = args;
    const materials = await db
      .selectFrom('kms_material')
      .selectAll()
      .where('key_id', '=', keyId)
      .orderBy('number')
      .execute();
    const aliases = await db
      .selectFrom('kms_alias')
      .select('name')
      .where('key_id', '=', keyId)
      .orderBy('name')
      .execute();
    const grants = await db
      .selectFrom('kms_grant')
      .selectAll()
      .where('key_id', '=', keyId)
      .orderBy('grant_id')
      .execute();
    const use = await db
      .selectFrom('kms_use')
      .select(['at', 'operation'])
      .where('key_id', '=', args.keyId)
      .executeTakeFirst();
    return {
      row,
      materials,
      aliases: aliases.map(({ name }) => name),
      grants,
      ...(use === undefined ? {} : { use }),
    };
  }),

  aliasTarget: read(async (db, args: { account: string; name: string }) => {
    const row = await db
      .selectFrom('kms_alias')
      .select('key_id')
      .where('account_id', '=', args.account)
      .where('name', '=', args.name)
      .executeTakeFirst();
    return row?.key_id;
  }),

  keys: read(async (db, args: { account: string; after: string; limit: number }) =>
    page(
      await db
        .selectFrom('kms_key')
        .select('key_id')
        .where('account_id', '=', args.account)
        .where('manager', '!=', 'LOCH')
        .where('key_id', '>', args.after)
        .orderBy('key_id')
        .limit(args.limit + 1)
        .execute(),
      args.limit,
    ),
  ),

  /** Makes a key; of one with a fixed alias only the first, whoever else tries at the same time. */
  createKey: write(async (db, args: { row: KeyRow; material?: MaterialRow; alias?: string }, context) => {
    const { row, material, alias } = args;
    if (alias !== undefined) {
      const taken = await db
        .selectFrom('kms_alias')
        .select('key_id')
        .where('account_id', '=', row.account_id)
        .where('name', '=', alias)
        .executeTakeFirst();
      if (taken !== undefined) return taken.key_id;
    }
    await db.insertInto('kms_key').values(row).execute();
    if (material !== undefined) await db.insertInto('kms_material').values(material).execute();
    if (alias !== undefined) await insertAlias(db, row.account_id, alias, row.key_id, context.now);
    changed(context, row.key_id, 'created');
    return row.key_id;
  }),

  /** Changes members of a key that is in one of `states` (`usable`: not waiting for its deletion). */
  updateKey: write(
    async (db, args: { keyId: string; set: Partial<Omit<KeyRow, 'key_id'>>; when: 'pending' | 'usable' }, context) => {
      const row = await existing(db, args.keyId);
      if ((row.deletion_at !== null) !== (args.when === 'pending')) {
        throw keyFailure(
          'KMSInvalidStateException',
          `${args.keyId} is ${row.deletion_at === null ? 'not ' : ''}pending deletion.`,
        );
      }
      await db.updateTable('kms_key').set(args.set).where('key_id', '=', args.keyId).execute();
      changed(context, args.keyId, 'updated');
    },
  ),

  tagKey: write(
    async (
      db,
      args: { keyId: string; set: Record<string, string>; remove: readonly string[]; quota: number },
      context,
    ) => {
      const row = await existing(db, args.keyId);
      const tags = { ...(JSON.parse(row.tags) as Record<string, string>), ...args.set };
      for (const name of args.remove) delete tags[name];
      if (Object.keys(tags).length > args.quota) {
        throw keyFailure('TagException', `A key has at most ${args.quota} tags.`);
      }
      await db
        .updateTable('kms_key')
        .set({ tags: JSON.stringify(tags) })
        .where('key_id', '=', args.keyId)
        .execute();
      changed(context, args.keyId, 'updated');
    },
  ),

  createAlias: write(async (db, args: { account: string; name: string; keyId: string; quota: number }, context) => {
    await existing(db, args.keyId);
    const found = await db
      .selectFrom('kms_alias')
      .select('key_id')
      .where('account_id', '=', args.account)
      .where('name', '=', args.name)
      .executeTakeFirst();
    if (found !== undefined) {
      throw keyFailure('AlreadyExistsException', `An alias with the name ${args.name} already exists.`);
    }
    const { n } = await db
      .selectFrom('kms_alias')
      .select((e) => e.fn.countAll<number>().as('n'))
      .where('key_id', '=', args.keyId)
      .executeTakeFirstOrThrow();
    if (Number(n) >= args.quota) throw keyFailure('LimitExceededException', `A key has at most ${args.quota} aliases.`);
    await insertAlias(db, args.account, args.name, args.keyId, context.now);
    changed(context, args.keyId, 'alias');
  }),

  updateAlias: write(async (db, args: { account: string; name: string; keyId: string }, context) => {
    const row = await aliasRow(db, args);
    await existing(db, args.keyId);
    await db
      .updateTable('kms_alias')
      .set({ key_id: args.keyId, updated_at: context.now })
      .where('account_id', '=', args.account)
      .where('name', '=', args.name)
      .execute();
    changed(context, row.key_id, 'alias');
    changed(context, args.keyId, 'alias');
  }),

  deleteAlias: write(async (db, args: { account: string; name: string }, context) => {
    const row = await aliasRow(db, args);
    await db.deleteFrom('kms_alias').where('account_id', '=', args.account).where('name', '=', args.name).execute();
    changed(context, row.key_id, 'alias');
  }),

  aliases: read(async (db, args: { account: string; keyId?: string; after: string; limit: number }) => {
    let query = db
      .selectFrom('kms_alias')
      .selectAll()
      .where('account_id', '=', args.account)
      .where('name', '>', args.after);
    if (args.keyId !== undefined) query = query.where('key_id', '=', args.keyId);
    return page(
      await query
        .orderBy('name')
        .limit(args.limit + 1)
        .execute(),
      args.limit,
    );
  }),

  /** A grant; the same one again (by name) is answered with the first. */
  createGrant: write(async (db, args: { row: GrantRow; quota: number }, context) => {
    const { row } = args;
    await existing(db, row.key_id);
    const same = await db.selectFrom('kms_grant').selectAll().where('key_id', '=', row.key_id).execute();
    const again = same.find(
      (known) =>
        row.name !== null &&
        known.name === row.name &&
        known.grantee === row.grantee &&
        known.retiring === row.retiring &&
        known.operations === row.operations &&
        known.constraints === row.constraints,
    );
    if (again !== undefined) return again.grant_id;
    if (same.length >= args.quota)
      throw keyFailure('LimitExceededException', `A key has at most ${args.quota} grants.`);
    await db.insertInto('kms_grant').values(row).execute();
    changed(context, row.key_id, 'granted');
    return row.grant_id;
  }),

  grant: read(async (db, args: { grantId: string }) =>
    db.selectFrom('kms_grant').selectAll().where('grant_id', '=', args.grantId).executeTakeFirst(),
  ),

  retirableGrants: read(async (db, args: { retiring: string; after: string; limit: number }) =>
    page(
      await db
        .selectFrom('kms_grant')
        .selectAll()
        .where('retiring', '=', args.retiring)
        .where('grant_id', '>', args.after)
        .orderBy('grant_id')
        .limit(args.limit + 1)
        .execute(),
      args.limit,
    ),
  ),

  removeGrant: write(async (db, args: { keyId: string; grantId: string }, context) => {
    const result = await db
      .deleteFrom('kms_grant')
      .where('grant_id', '=', args.grantId)
      .where('key_id', '=', args.keyId)
      .executeTakeFirst();
    if (result.numDeletedRows === 0n) {
      throw keyFailure('NotFoundException', `Grant ${args.grantId} of key ${args.keyId} does not exist.`);
    }
    changed(context, args.keyId, 'revoked');
  }),

  /** New current material. `onDemandQuota`: how many of its kind there may be. */
  rotate: write(async (db, args: { material: MaterialRow; onDemandQuota?: number; next: number | null }, context) => {
    const { material } = args;
    const row = await existing(db, material.key_id);
    if (row.deletion_at !== null || row.enabled === 0) {
      throw keyFailure(
        row.deletion_at === null ? 'DisabledException' : 'KMSInvalidStateException',
        `${row.key_id} cannot rotate in its state.`,
      );
    }
    const known = await db.selectFrom('kms_material').selectAll().where('key_id', '=', material.key_id).execute();
    if (args.onDemandQuota !== undefined) {
      const count = known.filter(({ cause }) => cause === 'ON_DEMAND').length;
      if (count >= args.onDemandQuota) {
        throw keyFailure('LimitExceededException', `A key rotates on demand at most ${args.onDemandQuota} times.`);
      }
    }
    const number = Math.max(0, ...known.map((one) => one.number)) + 1;
    await addCurrent(db, { ...material, number });
    if (args.next !== null) {
      await db.updateTable('kms_key').set({ rotation_next: args.next }).where('key_id', '=', row.key_id).execute();
    }
    changed(context, row.key_id, 'rotated');
  }),

  /** Takes imported material in: the same bytes again revive, others only where there were none or for a rotation. */
  importMaterial: write(async (db, args: { material: MaterialRow; asNew: boolean }, context) => {
    const { material } = args;
    await existing(db, material.key_id);
    const known = await db.selectFrom('kms_material').selectAll().where('key_id', '=', material.key_id).execute();
    const same = known.find(({ material_id }) => material_id === material.material_id);
    if (same !== undefined) {
      await db
        .updateTable('kms_material')
        .set({ sealed: material.sealed, expires_at: material.expires_at })
        .where('key_id', '=', material.key_id)
        .where('material_id', '=', material.material_id)
        .execute();
    } else if (known.length > 0 && !args.asNew) {
      throw keyFailure(
        'IncorrectKeyMaterialException',
        'The key had other material before: give the same bytes again, or import them as new material.',
      );
    } else {
      const number = Math.max(0, ...known.map((one) => one.number)) + 1;
      // New material of a key that has some waits for a rotation on demand.
      const current = known.length === 0 ? 1 : 0;
      await db
        .insertInto('kms_material')
        .values({ ...material, number, current })
        .execute();
    }
    changed(context, material.key_id, 'imported');
  }),

  /** Makes material that was imported as new the current one. */
  activateMaterial: write(async (db, args: { keyId: string; materialId: string; onDemandQuota: number }, context) => {
    const known = await db.selectFrom('kms_material').selectAll().where('key_id', '=', args.keyId).execute();
    if (known.filter(({ cause }) => cause === 'ON_DEMAND').length >= args.onDemandQuota) {
      throw keyFailure('LimitExceededException', `A key rotates on demand at most ${args.onDemandQuota} times.`);
    }
    await db.updateTable('kms_material').set({ current: 0 }).where('key_id', '=', args.keyId).execute();
    await db
      .updateTable('kms_material')
      .set({ current: 1, cause: 'ON_DEMAND', created_at: context.now })
      .where('key_id', '=', args.keyId)
      .where('material_id', '=', args.materialId)
      .execute();
    changed(context, args.keyId, 'rotated');
  }),

  deleteMaterial: write(async (db, args: { keyId: string; materialId: string }, context) => {
    await existing(db, args.keyId);
    await db
      .updateTable('kms_material')
      .set({ sealed: null, expires_at: null })
      .where('key_id', '=', args.keyId)
      .where('material_id', '=', args.materialId)
      .execute();
    changed(context, args.keyId, 'material_deleted');
  }),

  noteUse: write(async (db, args: { keyId: string; at: number; operation: string }) => {
    const use = { at: args.at, operation: args.operation };
    await db
      .insertInto('kms_use')
      .values({ key_id: args.keyId, ...use })
      .onConflict((c) => c.column('key_id').doUpdateSet(use))
      .execute();
  }),

  /** What time has made due by `now`: destroys keys and expired material, and tells which keys are to rotate. */
  due: write(async (db, args: { now: number }, context) => {
    const gone = await db.selectFrom('kms_key').select('key_id').where('deletion_at', '<=', args.now).execute();
    for (const { key_id } of gone) {
      await destroy(db, key_id);
      changed(context, key_id, 'deleted');
    }
    const expired = await db
      .selectFrom('kms_material')
      .select(['key_id', 'material_id'])
      .where('expires_at', '<=', args.now)
      .execute();
    for (const { key_id, material_id } of expired) {
      await db
        .updateTable('kms_material')
        .set({ sealed: null, expires_at: null })
        .where('key_id', '=', key_id)
        .where('material_id', '=', material_id)
        .execute();
      changed(context, key_id, 'material_expired');
    }
    const rotating = await db
      .selectFrom('kms_key')
      .select('key_id')
      .where('rotation_next', '<=', args.now)
      .where('deletion_at', 'is', null)
      .where('enabled', '=', 1)
      .execute();
    return { deleted: gone.map(({ key_id }) => key_id), rotating: rotating.map(({ key_id }) => key_id) };
  }),

  /** Whether anything is due, without writing. */
  anythingDue: read(async (db, args: { now: number }) => {
    const key = await db
      .selectFrom('kms_key')
      .select('key_id')
      .where((e) => e.or([e('deletion_at', '<=', args.now), e('rotation_next', '<=', args.now)]))
      .limit(1)
      .executeTakeFirst();
    if (key !== undefined) return true;
    const material = await db
      .selectFrom('kms_material')
      .select('key_id')
      .where('expires_at', '<=', args.now)
      .limit(1)
      .executeTakeFirst();
    return material !== undefined;
  }),

  /** All sealed material, for sealing it anew. */
  sealedMaterial: read(async (db) =>
    db.selectFrom('kms_material').select(['key_id', 'material_id', 'sealed']).where('sealed', 'is not', null).execute(),
  ),
};

async function aliasRow(db: Db, args: { account: string; name: string }): Promise<AliasRow> {
  const row = await db
    .selectFrom('kms_alias')
    .selectAll()
    .where('account_id', '=', args.account)
    .where('name', '=', args.name)
    .executeTakeFirst();
  if (row === undefined) throw keyFailure('NotFoundException', `Alias ${args.name} is not found.`);
  return row;
}

async function insertAlias(db: Db, account: string, name: string, keyId: string, now: number): Promise<void> {
  const row: AliasRow = { account_id: account, name, key_id: keyId, created_at: now, updated_at: now };
  await db.insertInto('kms_alias').values(row).execute();
}

export default defineStoreModule('keys', { migrations: keyMigrations, procedures });
