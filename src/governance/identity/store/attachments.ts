import { LochError } from '../../../core/errors.ts';
import { proceduresOver } from '../../../metadata/contract.ts';
import {
  countOf,
  type Db,
  type EntityKey,
  entityRow,
  limitReached,
  pageOf,
  policyRow,
  type StorePage,
} from './found.ts';
import type { EntityRow, IdentityTables } from './tables.ts';

const { read, write } = proceduresOver<IdentityTables>();

const changed = (row: EntityRow) =>
  ({ name: 'governanceIdentityChanged', payload: { kind: row.kind, name: row.name, change: 'updated' } }) as const;

/** A policy's text with the id it is known by; no text for one that AWS made. */
export interface PolicySource {
  readonly id: string;
  readonly document: string | null;
}

/** Everything that decides what a principal may do. */
export interface PrincipalSources {
  readonly policies: readonly PolicySource[];
  readonly boundary: PolicySource | undefined;
  readonly tags: string;
}

export const attachmentProcedures = {
  /** `known` spares the look-up of a policy that AWS made. */
  attachPolicy: write(async (db, args: EntityKey & { arn: string; known: boolean; quota: number }, context) => {
    const entity = await entityRow(db, args);
    if (!args.known) await policyRow(db, args.arn);
    const own = db.selectFrom('identity_attachment').where('entity_id', '=', entity.id);
    if ((await own.select('policy_arn').where('policy_arn', '=', args.arn).executeTakeFirst()) !== undefined) return;
    const count = await countOf(own.select((e) => e.fn.countAll<number>().as('n')));
    if (count >= args.quota) throw limitReached(`policies attached to a ${entity.kind}`, args.quota);
    const row = { entity_id: entity.id, policy_arn: args.arn, attached_at: context.now };
    await db.insertInto('identity_attachment').values(row).execute();
    context.emit(changed(entity));
  }),

  detachPolicy: write(async (db, args: EntityKey & { arn: string }, context) => {
    const entity = await entityRow(db, args);
    const result = await db
      .deleteFrom('identity_attachment')
      .where('entity_id', '=', entity.id)
      .where('policy_arn', '=', args.arn)
      .executeTakeFirst();
    if (result.numDeletedRows === 0n) {
      throw new LochError(
        'not_found',
        `The policy \`${args.arn}\` is not attached to the ${entity.kind} \`${entity.name}\`.`,
      );
    }
    context.emit(changed(entity));
  }),

  attachedPolicies: read(
    async (db, args: EntityKey & { after: string; limit: number }): Promise<StorePage<{ policy_arn: string }>> => {
      const entity = await entityRow(db, args);
      const rows = await db
        .selectFrom('identity_attachment')
        .select('policy_arn')
        .where('entity_id', '=', entity.id)
        .where('policy_arn', '>', args.after)
        .orderBy('policy_arn')
        .limit(args.limit + 1)
        .execute();
      return pageOf(rows, args.limit);
    },
  ),

  attachedEntities: read(async (db, args: { arn: string }) =>
    db
      .selectFrom('identity_entity')
      .select(['kind', 'name', 'id'])
      .where('id', 'in', (e) =>
        e.selectFrom('identity_attachment').select('entity_id').where('policy_arn', '=', args.arn),
      )
      .orderBy('kind')
      .orderBy('name_key')
      .execute(),
  ),

  putInlinePolicy: write(
    async (db, args: EntityKey & { policy: string; document: string; maxCharacters: number }, context) => {
      const entity = await entityRow(db, args);
      const nameKey = args.policy.toLowerCase();
      const others = await db
        .selectFrom('identity_inline_policy')
        .select('document')
        .where('entity_id', '=', entity.id)
        .where('name_key', '!=', nameKey)
        .execute();
      const total = [args.document, ...others.map((other) => other.document)].reduce(
        (sum, text) => sum + text.replace(/\s/g, '').length,
        0,
      );
      if (total > args.maxCharacters) {
        throw limitReached(
          `characters of inline policies of a ${entity.kind} (these have ${total})`,
          args.maxCharacters,
        );
      }
      const row = { entity_id: entity.id, name_key: nameKey, name: args.policy, document: args.document };
      await db
        .insertInto('identity_inline_policy')
        .values(row)
        .onConflict((c) => c.columns(['entity_id', 'name_key']).doUpdateSet({ document: args.document }))
        .execute();
      context.emit(changed(entity));
    },
  ),

  inlinePolicy: read(async (db, args: EntityKey & { policy: string }) => {
    const entity = await entityRow(db, args);
    const row = await db
      .selectFrom('identity_inline_policy')
      .select(['name', 'document'])
      .where('entity_id', '=', entity.id)
      .where('name_key', '=', args.policy.toLowerCase())
      .executeTakeFirst();
    if (row === undefined) throw inlineNotFound(entity, args.policy);
    return { ...row, entity: entity.name };
  }),

  deleteInlinePolicy: write(async (db, args: EntityKey & { policy: string }, context) => {
    const entity = await entityRow(db, args);
    const result = await db
      .deleteFrom('identity_inline_policy')
      .where('entity_id', '=', entity.id)
      .where('name_key', '=', args.policy.toLowerCase())
      .executeTakeFirst();
    if (result.numDeletedRows === 0n) throw inlineNotFound(entity, args.policy);
    context.emit(changed(entity));
  }),

  inlinePolicies: read(
    async (
      db,
      args: EntityKey & { after: string; limit: number },
    ): Promise<StorePage<{ name: string; name_key: string }>> => {
      const entity = await entityRow(db, args);
      const rows = await db
        .selectFrom('identity_inline_policy')
        .select(['name', 'name_key'])
        .where('entity_id', '=', entity.id)
        .where('name_key', '>', args.after)
        .orderBy('name_key')
        .limit(args.limit + 1)
        .execute();
      return pageOf(rows, args.limit);
    },
  ),

  /** The default versions of managed policies; no text for those that are not in the table. */
  managedPolicySources: read(async (db, args: { arns: readonly string[] }) => managedSources(db, args.arns)),

  /** The policies of a user (with those of its groups) or role, its boundary and tags; undefined when it is gone. */
  principalSources: read(async (db, args: { id: string }): Promise<PrincipalSources | undefined> => {
    const entity = await db.selectFrom('identity_entity').selectAll().where('id', '=', args.id).executeTakeFirst();
    if (entity === undefined) return undefined;
    const groups = await db
      .selectFrom('identity_entity')
      .selectAll()
      .where('id', 'in', (e) => e.selectFrom('identity_membership').select('group_id').where('user_id', '=', args.id))
      .orderBy('name_key')
      .execute();
    const policies: PolicySource[] = [];
    for (const row of [entity, ...groups]) policies.push(...(await sourcesOf(db, row)));
    const boundary = entity.boundary === null ? undefined : (await managedSources(db, [entity.boundary]))[0];
    return { policies, boundary, tags: entity.tags };
  }),
};

async function sourcesOf(db: Db, entity: EntityRow): Promise<PolicySource[]> {
  const inline = await db
    .selectFrom('identity_inline_policy')
    .select(['name', 'document'])
    .where('entity_id', '=', entity.id)
    .orderBy('name_key')
    .execute();
  const attached = await db
    .selectFrom('identity_attachment')
    .select('policy_arn')
    .where('entity_id', '=', entity.id)
    .orderBy('policy_arn')
    .execute();
  const own = inline.map((row) => ({ id: `${entity.kind}/${entity.name}/${row.name}`, document: row.document }));
  return [
    ...own,
    ...(await managedSources(
      db,
      attached.map((row) => row.policy_arn),
    )),
  ];
}

async function managedSources(db: Db, arns: readonly string[]): Promise<PolicySource[]> {
  const sources: PolicySource[] = [];
  for (const arn of arns) {
    const row = await db
      .selectFrom('identity_policy as p')
      .innerJoin('identity_policy_version as v', (join) =>
        join.onRef('v.arn', '=', 'p.arn').onRef('v.number', '=', 'p.default_version'),
      )
      .select('v.document')
      .where('p.arn', '=', arn)
      .executeTakeFirst();
    sources.push({ id: arn, document: row?.document ?? null });
  }
  return sources;
}

function inlineNotFound(entity: EntityRow, policy: string): LochError {
  return new LochError('not_found', `The ${entity.kind} \`${entity.name}\` has no policy \`${policy}\`.`);
}
