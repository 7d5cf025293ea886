import { sql } from 'kysely';
import { LochError } from '../../../core/errors.ts';
import { proceduresOver } from '../../../metadata/contract.ts';
import type { PageArgs } from './entities.ts';
import { countOf, type Db, limitReached, pageOf, policyRow, type StorePage, stillUsed } from './found.ts';
import { mergeTags, type TagChange } from './merge-tags.ts';
import type { IdentityTables, PolicyRow } from './tables.ts';

const { read, write } = proceduresOver<IdentityTables>();

const changed = (name: string, change: string) =>
  ({ name: 'governanceIdentityChanged', payload: { kind: 'policy', name, change } }) as const;

/** A policy with how often it is used. */
export interface UsedPolicyRow extends PolicyRow {
  attachments: number;
  boundary_uses: number;
}

async function withUses(db: Db, row: PolicyRow): Promise<UsedPolicyRow> {
  return { ...row, ...(await usesOf(db, row.arn)) };
}

async function usesOf(db: Db, arn: string) {
  const attachments = await countOf(
    db
      .selectFrom('identity_attachment')
      .select((e) => e.fn.countAll<number>().as('n'))
      .where('policy_arn', '=', arn),
  );
  const boundaryUses = await countOf(
    db
      .selectFrom('identity_entity')
      .select((e) => e.fn.countAll<number>().as('n'))
      .where('boundary', '=', arn),
  );
  return { attachments, boundary_uses: boundaryUses };
}

function versionNotFound(arn: string, number: number): LochError {
  return new LochError('not_found', `The policy \`${arn}\` has no version v${number}.`, { context: { arn } });
}

async function versionRow(db: Db, arn: string, number: number) {
  const row = await db
    .selectFrom('identity_policy_version')
    .selectAll()
    .where('arn', '=', arn)
    .where('number', '=', number)
    .executeTakeFirst();
  if (row === undefined) throw versionNotFound(arn, number);
  return row;
}

type NewPolicy = Omit<PolicyRow, 'default_version' | 'last_version' | 'created_at' | 'updated_at'>;

export const policyProcedures = {
  createPolicy: write(async (db, args: { row: NewPolicy; document: string; quota: number }, context) => {
    const { row } = args;
    const own = db.selectFrom('identity_policy').where('account_id', '=', row.account_id);
    const taken = await own.select('name').where('name_key', '=', row.name_key).executeTakeFirst();
    if (taken !== undefined) throw new LochError('already_exists', `The policy \`${taken.name}\` already exists.`);
    const count = await countOf(own.select((e) => e.fn.countAll<number>().as('n')));
    if (count >= args.quota) throw limitReached('managed policies per account', args.quota);
    const times = { created_at: context.now, updated_at: context.now };
    const created = { ...row, ...times, default_version: 1, last_version: 1 };
    await db.insertInto('identity_policy').values(created).execute();
    const version = { arn: row.arn, number: 1, document: args.document, created_at: context.now };
    await db.insertInto('identity_policy_version').values(version).execute();
    context.emit(changed(row.name, 'created'));
    return { ...created, attachments: 0, boundary_uses: 0 };
  }),

  policy: read(async (db, args: { arn: string }) => withUses(db, await policyRow(db, args.arn))),

  /** How often policies are used that are not in the table, because AWS made them. */
  policyUses: read(async (db, args: { arn: string }) => usesOf(db, args.arn)),

  policies: read(
    async (db, args: PageArgs & { account: string; onlyAttached: boolean }): Promise<StorePage<UsedPolicyRow>> => {
      let query = db
        .selectFrom('identity_policy')
        .selectAll()
        .where('account_id', '=', args.account)
        .where('name_key', '>', args.after)
        .where(sql<boolean>`substr(path, 1, ${args.pathPrefix.length}) = ${args.pathPrefix}`);
      if (args.onlyAttached) {
        query = query.where('arn', 'in', (e) => e.selectFrom('identity_attachment').select('policy_arn'));
      }
      const page = pageOf(
        await query
          .orderBy('name_key')
          .limit(args.limit + 1)
          .execute(),
        args.limit,
      );
      const rows: UsedPolicyRow[] = [];
      for (const row of page.rows) rows.push(await withUses(db, row));
      return { rows, more: page.more };
    },
  ),

  deletePolicy: write(async (db, args: { arn: string }, context) => {
    const row = await withUses(db, await policyRow(db, args.arn));
    if (row.attachments + row.boundary_uses > 0) {
      throw stillUsed(
        `Cannot delete the policy \`${row.name}\`: it is attached ${row.attachments} times and ${row.boundary_uses} times a boundary. Detach it first.`,
      );
    }
    const versions = db.selectFrom('identity_policy_version').where('arn', '=', row.arn);
    const count = await countOf(versions.select((e) => e.fn.countAll<number>().as('n')));
    if (count > 1)
      throw stillUsed(`Cannot delete the policy \`${row.name}\`: delete its ${count - 1} other versions first.`);
    await db.deleteFrom('identity_policy_version').where('arn', '=', row.arn).execute();
    await db.deleteFrom('identity_policy').where('arn', '=', row.arn).execute();
    context.emit(changed(row.name, 'deleted'));
  }),

  tagPolicy: write(async (db, args: { arn: string; change: TagChange }, context) => {
    const row = await policyRow(db, args.arn);
    const tags = mergeTags(row.tags, args.change);
    await db.updateTable('identity_policy').set({ tags }).where('arn', '=', row.arn).execute();
    context.emit(changed(row.name, 'updated'));
  }),

  createPolicyVersion: write(
    async (db, args: { arn: string; document: string; setAsDefault: boolean; quota: number }, context) => {
      const row = await policyRow(db, args.arn);
      const versions = db.selectFrom('identity_policy_version').where('arn', '=', row.arn);
      const count = await countOf(versions.select((e) => e.fn.countAll<number>().as('n')));
      if (count >= args.quota) throw limitReached('versions per policy', args.quota);
      const number = row.last_version + 1;
      const version = { arn: row.arn, number, document: args.document, created_at: context.now };
      await db.insertInto('identity_policy_version').values(version).execute();
      await db
        .updateTable('identity_policy')
        .set({
          last_version: number,
          updated_at: context.now,
          ...(args.setAsDefault ? { default_version: number } : {}),
        })
        .where('arn', '=', row.arn)
        .execute();
      context.emit(changed(row.name, 'updated'));
      return version;
    },
  ),

  /** A version, or the default one when no number is given. */
  policyVersion: read(async (db, args: { arn: string; number: number | undefined }) => {
    const policy = await policyRow(db, args.arn);
    const version = await versionRow(db, args.arn, args.number ?? policy.default_version);
    return { ...version, is_default: version.number === policy.default_version };
  }),

  policyVersions: read(async (db, args: { arn: string }) => {
    const policy = await policyRow(db, args.arn);
    const rows = await db
      .selectFrom('identity_policy_version')
      .selectAll()
      .where('arn', '=', args.arn)
      .orderBy('number', 'desc')
      .execute();
    return rows.map((row) => ({ ...row, is_default: row.number === policy.default_version }));
  }),

  setDefaultVersion: write(async (db, args: { arn: string; number: number }, context) => {
    const row = await policyRow(db, args.arn);
    await versionRow(db, args.arn, args.number);
    await db
      .updateTable('identity_policy')
      .set({ default_version: args.number, updated_at: context.now })
      .where('arn', '=', row.arn)
      .execute();
    context.emit(changed(row.name, 'updated'));
  }),

  deletePolicyVersion: write(async (db, args: { arn: string; number: number }, context) => {
    const row = await policyRow(db, args.arn);
    await versionRow(db, args.arn, args.number);
    if (row.default_version === args.number) {
      throw stillUsed(
        `Cannot delete v${args.number} of \`${row.name}\`: it is the default version. Set another one first.`,
      );
    }
    await db
      .deleteFrom('identity_policy_version')
      .where('arn', '=', args.arn)
      .where('number', '=', args.number)
      .execute();
    context.emit(changed(row.name, 'updated'));
  }),
};
