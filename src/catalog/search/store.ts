import type { Kysely } from 'kysely';
import { LochError } from '../../core/errors.ts';
import { defineStoreModule, proceduresOver } from '../../metadata/contract.ts';
import type { GlossaryTerm, GlossaryTermVersion } from './contract.ts';

interface TermVersionRow {
  name: string;
  version: number;
  definition: string;
  synonyms: string;
  /** 1: the version that took the term away. */
  deleted: number;
  updated_at: number;
  updated_by: string;
  updated_door: string;
}

interface GlossaryTables {
  catalog_term_version: TermVersionRow;
  catalog_term: { name: string; definition: string; synonyms: string; updated_at: number; updated_by: string };
}

const { read, write } = proceduresOver<GlossaryTables>();

const termOf = (row: GlossaryTables['catalog_term']): GlossaryTerm => ({
  name: row.name,
  definition: row.definition,
  synonyms: JSON.parse(row.synonyms) as string[],
  updatedAt: row.updated_at,
  updatedBy: row.updated_by,
});

async function addVersion(db: Kysely<GlossaryTables>, row: Omit<TermVersionRow, 'version'>): Promise<void> {
  const last = await db
    .selectFrom('catalog_term_version')
    .select((e) => e.fn.max('version').as('version'))
    .where('name', '=', row.name)
    .executeTakeFirst();
  await db
    .insertInto('catalog_term_version')
    .values({ ...row, version: (last?.version ?? 0) + 1 })
    .execute();
}

/** The glossary. */
const glossaryStore = defineStoreModule('catalogGlossary', {
  migrations: [
    {
      number: 1,
      name: 'terms',
      statements: [
        `CREATE TABLE IF NOT EXISTS catalog_term (
           name TEXT PRIMARY KEY, definition TEXT NOT NULL, synonyms TEXT NOT NULL, updated_at BIGINT NOT NULL,
           updated_by TEXT NOT NULL)`,
      ],
    },
    {
      number: 2,
      name: 'versions of terms',
      statements: [
        `CREATE TABLE catalog_term_version (
           name TEXT NOT NULL, version BIGINT NOT NULL, definition TEXT NOT NULL, synonyms TEXT NOT NULL,
           deleted BIGINT NOT NULL, updated_at BIGINT NOT NULL, updated_by TEXT NOT NULL, updated_door TEXT NOT NULL,
           PRIMARY KEY (name, version))`,
        `INSERT INTO catalog_term_version (name, version, definition, synonyms, deleted, updated_at, updated_by, updated_door)
           SELECT name, 1, definition, synonyms, 0, updated_at, updated_by, '' FROM catalog_term`,
      ],
    },
  ],
  procedures: {
    terms: read(async (db, _args: Record<string, never>): Promise<GlossaryTerm[]> => {
      const rows = await db.selectFrom('catalog_term').selectAll().orderBy('name').execute();
      return rows.map(termOf);
    }),
    putTerm: write(async (db, args: GlossaryTerm & { readonly door: string }): Promise<GlossaryTerm> => {
      const row = {
        name: args.name,
        definition: args.definition,
        synonyms: JSON.stringify(args.synonyms),
        updated_at: args.updatedAt,
        updated_by: args.updatedBy,
      };
      const { name: _, ...values } = row;
      await db
        .insertInto('catalog_term')
        .values(row)
        .onConflict((conflict) => conflict.column('name').doUpdateSet(values))
        .execute();
      await addVersion(db, { ...row, deleted: 0, updated_door: args.door });
      return termOf(row);
    }),
    /** Newest first. */
    termVersions: read(async (db, args: { name: string }): Promise<GlossaryTermVersion[]> => {
      const rows = await db
        .selectFrom('catalog_term_version')
        .selectAll()
        .where('name', '=', args.name)
        .orderBy('version', 'desc')
        .execute();
      return rows.map((row) => ({
        ...termOf(row),
        version: row.version,
        deleted: row.deleted === 1,
        ...(row.updated_door === '' ? {} : { updatedThrough: row.updated_door }),
      }));
    }),
    deleteTerm: write(async (db, args: { name: string; at: number; by: string; door: string }): Promise<void> => {
      const known = await db.selectFrom('catalog_term').selectAll().where('name', '=', args.name).executeTakeFirst();
      if (known !== undefined) {
        const { at, by, door } = args;
        await addVersion(db, { ...known, deleted: 1, updated_at: at, updated_by: by, updated_door: door });
      }
      const gone = await db.deleteFrom('catalog_term').where('name', '=', args.name).executeTakeFirst();
      if (Number(gone.numDeletedRows) === 0) {
        throw new LochError('not_found', `The glossary has no term \`${args.name}\`.`, {
          context: { term: args.name },
        });
      }
    }),
  },
});

export default glossaryStore;
