/** INSERT INTO: rows of a query, checked against the table's columns, appended in one commit. */
import { engineTypeOfIceberg } from '../queries/secure/engine-types.ts';
import { schemaOf } from '../queries/secure/iceberg-source.ts';
import { commitRows } from './commit-rows.ts';
import { type ChangeAnswer, type ChangeDeps, type ChangeRun, tableName } from './deps.ts';
import { insertIntoFiles } from './insert-into-files.ts';
import { answerOf, dataFileShape, goingTo, insertedRows, placesOf, readRows } from './read-rows.ts';
import type { RowStatement } from './statements.ts';
import { adoptDataFiles } from './write-files.ts';
import { writableTable } from './write-rights.ts';

type Insert = Extract<RowStatement, { kind: 'insert' }>;

/** **Errors**: `type_mismatch`, `column_not_found` naming the column; those of a SELECT; `unsupported` for other tables. */
export async function insertRows(deps: ChangeDeps, run: ChangeRun, statement: Insert): Promise<ChangeAnswer> {
  const name = tableName(run, statement.table);
  const table = await writableTable(deps, run, name, ['INSERT']);
  if (table.metadata === undefined) return insertIntoFiles(deps, run, name, table.record, statement);
  const { metadata } = table;
  const targets = schemaOf(metadata, undefined).fields.map((field) => ({
    name: field.name,
    type: engineTypeOfIceberg(field.type),
  }));
  const outcome = await readRows(deps, run, statement.query, (columns) =>
    dataFileShape(deps, run, metadata, (source) => insertedRows(source, columns, name, targets, statement.columns)),
  );
  const files = await adoptDataFiles(deps, run, metadata, outcome.files);
  if (files.length > 0) await commitRows(deps, run, name, { kind: 'append', files }, outcome.rowCount);
  const columnOf = goingTo(outcome.sourceColumns, placesOf(name, targets, statement.columns));
  return answerOf(outcome, files, { table: name, columnOf });
}
