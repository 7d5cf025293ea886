import { LochError } from '../../core/errors.ts';
import { defineStoreModule, proceduresOver } from '../../metadata/contract.ts';
import type { GlossaryTerm } from './contract.ts';

interface GlossaryTables {
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
  ],
  procedures: {
    terms: read(async (db, _args: Record<string, never>): Promise<GlossaryTerm[]> => {
      const rows = await db.selectFrom('catalog_term').selectAll().orderBy('name').execute();
      return rows.map(termOf);
    }),
    putTerm: write(async (db, args: GlossaryTerm): Promise<GlossaryTerm> => {
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
      return termOf(row);
    }),
    deleteTerm: write(async (db, args: { name: string }): Promise<void> => {
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
