import { LochError } from '../../core/errors.ts';
import { proceduresOver } from '../../metadata/contract.ts';
import type { ClassifierInput, ClassifierRecord } from '../contract.ts';
import type { CrawlerTables } from './rows.ts';

const { read, write } = proceduresOver<CrawlerTables>();

const missing = (name: string) =>
  new LochError('not_found', `Classifier \`${name}\` does not exist. List the classifiers to see those that do.`, {
    context: { classifier: name },
  });

const recordOf = (row: CrawlerTables['catalog_classifier']): ClassifierRecord => ({
  ...(JSON.parse(row.definition) as ClassifierInput),
  createdAt: row.created_at,
  updatedAt: row.updated_at,
  version: row.version,
});

/** Custom classifiers in the metadata store. */
export const classifierProcedures = {
  createClassifier: write(async (db, args: { input: ClassifierInput; at: number }): Promise<ClassifierRecord> => {
    const { name } = args.input;
    const row = {
      name,
      definition: JSON.stringify(args.input),
      version: 1,
      created_at: args.at,
      updated_at: args.at,
    };
    const added = await db
      .insertInto('catalog_classifier')
      .values(row)
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    if (Number(added.numInsertedOrUpdatedRows) === 0) {
      throw new LochError('already_exists', `Classifier \`${name}\` exists already. Choose another name.`, {
        context: { classifier: name },
      });
    }
    return recordOf(row);
  }),

  updateClassifier: write(async (db, args: { input: ClassifierInput; at: number }): Promise<ClassifierRecord> => {
    const { name } = args.input;
    const row = await db.selectFrom('catalog_classifier').selectAll().where('name', '=', name).executeTakeFirst();
    if (row === undefined) throw missing(name);
    const next = { ...row, definition: JSON.stringify(args.input), version: row.version + 1, updated_at: args.at };
    await db.updateTable('catalog_classifier').set(next).where('name', '=', name).execute();
    return recordOf(next);
  }),

  deleteClassifier: write(async (db, args: { name: string }): Promise<void> => {
    const gone = await db.deleteFrom('catalog_classifier').where('name', '=', args.name).executeTakeFirst();
    if (Number(gone.numDeletedRows) === 0) throw missing(args.name);
  }),

  classifier: read(async (db, args: { name: string }): Promise<ClassifierRecord> => {
    const row = await db.selectFrom('catalog_classifier').selectAll().where('name', '=', args.name).executeTakeFirst();
    if (row === undefined) throw missing(args.name);
    return recordOf(row);
  }),

  classifiers: read(async (db, _args: Record<string, never>): Promise<ClassifierRecord[]> => {
    const rows = await db.selectFrom('catalog_classifier').selectAll().orderBy('name').execute();
    return rows.map(recordOf);
  }),
};
