import { LochError } from '../../core/errors.ts';
import { defineStoreModule, type Migration, proceduresOver } from '../../metadata/contract.ts';
import type { CatalogPolicy } from './contract.ts';

interface SettingsTables {
  catalog_setting: { name: string; value: string };
  catalog_tag: { arn: string; tag_key: string; tag_value: string };
}

const migrations: readonly Migration[] = [
  {
    number: 1,
    name: 'settings and tags of the catalog',
    statements: [
      'CREATE TABLE IF NOT EXISTS catalog_setting (name TEXT PRIMARY KEY, value TEXT NOT NULL)',
      `CREATE TABLE IF NOT EXISTS catalog_tag (
         arn TEXT NOT NULL, tag_key TEXT NOT NULL, tag_value TEXT NOT NULL, PRIMARY KEY (arn, tag_key))`,
    ],
  },
];

const { read, write } = proceduresOver<SettingsTables>();
const POLICY = 'resource-policy';
const MOST_TAGS = 50;

interface Expected {
  readonly expectedHash?: string;
  readonly exists?: 'MUST_EXIST' | 'NOT_EXIST' | 'NONE';
}

function assertExpected(there: CatalogPolicy | undefined, { expectedHash, exists }: Expected): void {
  const fail = (problem: string) =>
    new LochError('precondition_failed', `The resource policy was not changed: ${problem}. Read it again.`);
  if (exists === 'MUST_EXIST' && there === undefined) throw fail('there is none');
  if (exists === 'NOT_EXIST' && there !== undefined) throw fail('there is one');
  if (expectedHash !== undefined && expectedHash !== there?.hash) {
    throw fail(`its hash is ${there === undefined ? 'none' : `\`${there.hash}\``}, not \`${expectedHash}\``);
  }
}

const settingsStore = defineStoreModule('catalogSettings', {
  migrations,
  procedures: {
    putPolicy: write(
      async (db, args: Expected & { document: string; hash: string; at: number }): Promise<CatalogPolicy> => {
        const row = await db
          .selectFrom('catalog_setting')
          .select('value')
          .where('name', '=', POLICY)
          .executeTakeFirst();
        const there = row === undefined ? undefined : (JSON.parse(row.value) as CatalogPolicy);
        assertExpected(there, args);
        const policy: CatalogPolicy = {
          document: args.document,
          hash: args.hash,
          createdAt: there?.createdAt ?? args.at,
          updatedAt: args.at,
        };
        const value = JSON.stringify(policy);
        await db
          .insertInto('catalog_setting')
          .values({ name: POLICY, value })
          .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
          .execute();
        return policy;
      },
    ),
    deletePolicy: write(async (db, args: Expected): Promise<void> => {
      const row = await db.selectFrom('catalog_setting').select('value').where('name', '=', POLICY).executeTakeFirst();
      if (row === undefined) throw new LochError('not_found', 'The catalog has no resource policy.');
      assertExpected(JSON.parse(row.value) as CatalogPolicy, args);
      await db.deleteFrom('catalog_setting').where('name', '=', POLICY).execute();
    }),
    setting: read(async (db, args: { name: string }): Promise<string | undefined> => {
      const row = await db
        .selectFrom('catalog_setting')
        .select('value')
        .where('name', '=', args.name)
        .executeTakeFirst();
      return row?.value;
    }),
    putSetting: write(async (db, args: { name: string; value: string }): Promise<void> => {
      const { value } = args;
      await db
        .insertInto('catalog_setting')
        .values(args)
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
        .execute();
    }),
    putTags: write(async (db, args: { arn: string; tags: Readonly<Record<string, string>> }): Promise<void> => {
      for (const [key, value] of Object.entries(args.tags)) {
        await db
          .insertInto('catalog_tag')
          .values({ arn: args.arn, tag_key: key, tag_value: value })
          .onConflict((conflict) => conflict.columns(['arn', 'tag_key']).doUpdateSet({ tag_value: value }))
          .execute();
      }
      const all = await db.selectFrom('catalog_tag').select('tag_key').where('arn', '=', args.arn).execute();
      if (all.length <= MOST_TAGS) return;
      throw new LochError(
        'limit_exceeded',
        `\`${args.arn}\` would have ${all.length} tags; the limit is ${MOST_TAGS}. Remove some first.`,
        { context: { arn: args.arn, limit: MOST_TAGS } },
      );
    }),
    /** Without `keys` all of them. */
    removeTags: write(async (db, args: { arn: string; keys?: readonly string[] }): Promise<void> => {
      let query = db.deleteFrom('catalog_tag').where('arn', '=', args.arn);
      if (args.keys !== undefined) query = query.where('tag_key', 'in', args.keys);
      await query.execute();
    }),
    tags: read(async (db, args: { arn: string }): Promise<Record<string, string>> => {
      const rows = await db
        .selectFrom('catalog_tag')
        .select(['tag_key', 'tag_value'])
        .where('arn', '=', args.arn)
        .orderBy('tag_key')
        .execute();
      return Object.fromEntries(rows.map((row) => [row.tag_key, row.tag_value]));
    }),
  },
});

export { POLICY };
export default settingsStore;
