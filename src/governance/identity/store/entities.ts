import { sql } from 'kysely';
import { LochError } from '../../../core/errors.ts';
import { proceduresOver } from '../../../metadata/contract.ts';
import {
  countOf,
  type Db,
  type EntityKey,
  entityRow,
  limitReached,
  pageOf,
  type StorePage,
  stillUsed,
} from './found.ts';
import { mergeTags, type TagChange } from './merge-tags.ts';
import type { EntityRow, IdentityTables } from './tables.ts';

const { read, write } = proceduresOver<IdentityTables>();

const changed = (kind: string, name: string, change: string) =>
  ({ name: 'governanceIdentityChanged', payload: { kind, name, change } }) as const;

export interface PageArgs {
  readonly after: string;
  readonly limit: number;
  readonly pathPrefix: string;
}

/** What may change of an entity; undefined leaves a part as it is. */
export interface EntityPatch {
  readonly name?: string;
  readonly path?: string;
  readonly boundary?: string | null;
  readonly description?: string;
  readonly trust_policy?: string;
  readonly max_session_s?: number;
}

export const entityProcedures = {
  createEntity: write(async (db, args: { row: Omit<EntityRow, 'created_at'>; quota: number }, context) => {
    const { row, quota } = args;
    const same = db.selectFrom('identity_entity').where('account_id', '=', row.account_id).where('kind', '=', row.kind);
    const taken = await same.select('name').where('name_key', '=', row.name_key).executeTakeFirst();
    if (taken !== undefined) {
      throw new LochError('already_exists', `The ${row.kind} \`${taken.name}\` already exists.`, {
        context: { kind: row.kind, name: taken.name },
      });
    }
    const count = await countOf(same.select((e) => e.fn.countAll<number>().as('n')));
    if (count >= quota) throw limitReached(`${row.kind}s per account`, quota);
    const created = { ...row, created_at: context.now };
    await db.insertInto('identity_entity').values(created).execute();
    context.emit(changed(row.kind, row.name, 'created'));
    return created;
  }),

  entity: read(async (db, args: EntityKey) => entityRow(db, args)),

  summary: read(async (db, args: { account: string }) => {
    const ofKind = (kind: string) =>
      countOf(
        db
          .selectFrom('identity_entity')
          .select((e) => e.fn.countAll<number>().as('n'))
          .where('account_id', '=', args.account)
          .where('kind', '=', kind),
      );
    const keys = db.selectFrom('identity_access_key').where('owner_id', '=', args.account);
    const policies = db.selectFrom('identity_policy').where('account_id', '=', args.account);
    return {
      users: await ofKind('user'),
      groups: await ofKind('group'),
      roles: await ofKind('role'),
      managedPolicies: await countOf(policies.select((e) => e.fn.countAll<number>().as('n'))),
      rootAccessKeys: await countOf(keys.select((e) => e.fn.countAll<number>().as('n'))),
    };
  }),

  entityById: read(
    async (db, args: { id: string }): Promise<EntityRow | undefined> =>
      db.selectFrom('identity_entity').selectAll().where('id', '=', args.id).executeTakeFirst(),
  ),

  entities: read(async (db, args: PageArgs & { account: string; kind: string }): Promise<StorePage<EntityRow>> => {
    const rows = await db
      .selectFrom('identity_entity')
      .selectAll()
      .where('account_id', '=', args.account)
      .where('kind', '=', args.kind)
      .where('name_key', '>', args.after)
      .where(sql<boolean>`substr(path, 1, ${args.pathPrefix.length}) = ${args.pathPrefix}`)
      .orderBy('name_key')
      .limit(args.limit + 1)
      .execute();
    return pageOf(rows, args.limit);
  }),

  updateEntity: write(async (db, args: EntityKey & { patch: EntityPatch }, context) => {
    const row = await entityRow(db, args);
    const { patch } = args;
    const nameKey = patch.name?.toLowerCase();
    if (nameKey !== undefined && nameKey !== row.name_key) {
      const other = await db
        .selectFrom('identity_entity')
        .select('name')
        .where('account_id', '=', row.account_id)
        .where('kind', '=', row.kind)
        .where('name_key', '=', nameKey)
        .executeTakeFirst();
      if (other !== undefined)
        throw new LochError('already_exists', `The ${row.kind} \`${other.name}\` already exists.`);
    }
    const values = { ...patch, ...(nameKey === undefined ? {} : { name_key: nameKey }) };
    await db.updateTable('identity_entity').set(values).where('id', '=', row.id).execute();
    context.emit(changed(row.kind, row.name, 'updated'));
  }),

  tagEntity: write(async (db, args: EntityKey & { change: TagChange }, context) => {
    const row = await entityRow(db, args);
    const tags = mergeTags(row.tags, args.change);
    await db.updateTable('identity_entity').set({ tags }).where('id', '=', row.id).execute();
    context.emit(changed(row.kind, row.name, 'updated'));
  }),

  deleteEntity: write(async (db, args: EntityKey, context) => {
    const row = await entityRow(db, args);
    const used = await hangingOn(db, row.id);
    if (used !== undefined) {
      throw stillUsed(`Cannot delete the ${row.kind} \`${row.name}\`: ${used} must be removed first.`);
    }
    await db.deleteFrom('identity_entity').where('id', '=', row.id).execute();
    context.emit(changed(row.kind, row.name, 'deleted'));
  }),

  addMember: write(async (db, args: { account: string; group: string; user: string; quota: number }, context) => {
    const group = await entityRow(db, { account: args.account, kind: 'group', name: args.group });
    const user = await entityRow(db, { account: args.account, kind: 'user', name: args.user });
    const groups = db.selectFrom('identity_membership').where('user_id', '=', user.id);
    if ((await groups.select('group_id').where('group_id', '=', group.id).executeTakeFirst()) !== undefined) return;
    const count = await countOf(groups.select((e) => e.fn.countAll<number>().as('n')));
    if (count >= args.quota) throw limitReached('groups per user', args.quota);
    await db.insertInto('identity_membership').values({ user_id: user.id, group_id: group.id }).execute();
    context.emit(changed('group', group.name, 'updated'));
  }),

  removeMember: write(async (db, args: { account: string; group: string; user: string }, context) => {
    const group = await entityRow(db, { account: args.account, kind: 'group', name: args.group });
    const user = await entityRow(db, { account: args.account, kind: 'user', name: args.user });
    const result = await db
      .deleteFrom('identity_membership')
      .where('user_id', '=', user.id)
      .where('group_id', '=', group.id)
      .executeTakeFirst();
    if (result.numDeletedRows === 0n) {
      throw new LochError('not_found', `The user \`${user.name}\` is not in the group \`${group.name}\`.`);
    }
    context.emit(changed('group', group.name, 'updated'));
  }),

  /** The groups of a user, or the users of a group. */
  related: read(async (db, args: EntityKey & { after: string; limit: number }): Promise<StorePage<EntityRow>> => {
    const row = await entityRow(db, args);
    const [own, other] = row.kind === 'user' ? (['user_id', 'group_id'] as const) : (['group_id', 'user_id'] as const);
    const rows = await db
      .selectFrom('identity_entity')
      .selectAll()
      .where('id', 'in', (e) => e.selectFrom('identity_membership').select(other).where(own, '=', row.id))
      .where('name_key', '>', args.after)
      .orderBy('name_key')
      .limit(args.limit + 1)
      .execute();
    return pageOf(rows, args.limit);
  }),
};

/** What still hangs on an entity, in words, or undefined. */
async function hangingOn(db: Db, id: string): Promise<string | undefined> {
  const keys = db.selectFrom('identity_access_key').select('access_key_id').where('owner_id', '=', id);
  if ((await keys.executeTakeFirst()) !== undefined) return 'its access keys';
  const inline = db.selectFrom('identity_inline_policy').select('name').where('entity_id', '=', id);
  if ((await inline.executeTakeFirst()) !== undefined) return 'its inline policies';
  const attached = db.selectFrom('identity_attachment').select('policy_arn').where('entity_id', '=', id);
  if ((await attached.executeTakeFirst()) !== undefined) return 'its attached policies';
  const groups = db.selectFrom('identity_membership').select('group_id').where('user_id', '=', id);
  if ((await groups.executeTakeFirst()) !== undefined) return 'its groups';
  const users = db.selectFrom('identity_membership').select('user_id').where('group_id', '=', id);
  if ((await users.executeTakeFirst()) !== undefined) return 'its users';
  return undefined;
}
