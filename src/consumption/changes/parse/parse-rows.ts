/** Statements that write rows. What is SQL of the caller stays his text, cut out by its keywords. */
import { LochError } from '../../../core/errors.ts';
import type { Assignment, MergeClause, RowStatement } from '../statements.ts';
import type { Reader } from './reader.ts';

const QUERY_WORDS = new Set(['select', 'with', 'values', 'table']);

/** `INSERT INTO t [(a, b)] query`, after INSERT. */
export function parseInsert(reader: Reader): RowStatement {
  if (reader.accept('overwrite')) {
    throw new LochError(
      'unsupported',
      'INSERT OVERWRITE is not supported. DELETE the rows that go, then INSERT INTO; or MERGE.',
      { context: { statement: 'INSERT OVERWRITE' } },
    );
  }
  reader.expect('into');
  const table = reader.table();
  const named = reader.word() === '(' && !QUERY_WORDS.has(reader.word(1)) && reader.word(1) !== '(';
  const columns = named ? reader.names() : undefined;
  return { kind: 'insert', table, ...(columns === undefined ? {} : { columns }), query: reader.rest() };
}

/** `DELETE FROM t [AS a] [WHERE …]`, after DELETE. */
export function parseDelete(reader: Reader): RowStatement {
  reader.expect('from');
  const table = reader.table();
  const alias = aliasOf(reader, 'where');
  const where = reader.accept('where') ? reader.rest() : undefined;
  reader.end();
  return { kind: 'delete', table, ...alias, ...(where === undefined ? {} : { where }) };
}

/** `UPDATE t [AS a] SET c = x, … [WHERE …]`, after UPDATE. */
export function parseUpdate(reader: Reader): RowStatement {
  const table = reader.table();
  const alias = aliasOf(reader, 'set');
  reader.expect('set');
  const set = assignments(reader, ['where']);
  const where = reader.accept('where') ? reader.rest() : undefined;
  reader.end();
  return { kind: 'update', table, ...alias, set, ...(where === undefined ? {} : { where }) };
}

/** `MERGE INTO t [AS a] USING s ON … WHEN …`, after MERGE. */
export function parseMerge(reader: Reader): RowStatement {
  reader.expect('into');
  const table = reader.table();
  const alias = aliasOf(reader, 'using');
  reader.expect('using');
  const source = reader.textUntil('on');
  reader.expect('on');
  const on = reader.textUntil('when');
  const clauses: MergeClause[] = [];
  while (!reader.done) clauses.push(clause(reader));
  if (clauses.length === 0) throw reader.unexpected('WHEN MATCHED or WHEN NOT MATCHED');
  return { kind: 'merge', table, ...alias, source, on, clauses };
}

function clause(reader: Reader): MergeClause {
  reader.expect('when');
  const matched = !reader.accept('not');
  reader.expect('matched');
  if (reader.accept('by', 'source')) {
    throw new LochError(
      'unsupported',
      'WHEN NOT MATCHED BY SOURCE is not supported. Use WHEN MATCHED and WHEN NOT MATCHED, and a DELETE for the rest.',
      { context: { statement: 'MERGE' } },
    );
  }
  if (!matched) reader.accept('by', 'target');
  const and = reader.accept('and') ? { and: reader.textUntil('then') } : {};
  reader.expect('then');
  if (matched) {
    if (reader.accept('delete')) return { matched, ...and, action: 'delete' };
    reader.expect('update', 'set');
    return { matched, ...and, action: 'update', set: assignments(reader, ['when']) };
  }
  reader.expect('insert');
  const columns = reader.word() === '(' ? { columns: reader.names() } : {};
  reader.expect('values');
  const values = reader.list(() => reader.textUntil(','));
  return { matched, ...and, action: 'insert', ...columns, values };
}

function assignments(reader: Reader, ends: readonly string[]): Assignment[] {
  const list: Assignment[] = [];
  do {
    let column = reader.name();
    // `SET t.c = …` names the table, which is the one that is changed.
    while (reader.accept('.')) column = reader.name();
    reader.expect('=');
    list.push({ column, value: reader.textUntil(',', ...ends) });
  } while (reader.accept(','));
  return list;
}

function aliasOf(reader: Reader, next: string): { readonly alias?: string } {
  if (reader.accept('as')) return { alias: reader.written() };
  return reader.done || reader.word() === next ? {} : { alias: reader.written() };
}

/** `UNLOAD (query) TO 's3://…' [WITH (…)]`, after UNLOAD. */
export function parseUnload(reader: Reader): RowStatement {
  reader.expect('(');
  const query = reader.textUntil();
  reader.expect(')', 'to');
  const location = reader.string();
  const properties = reader.accept('with') ? reader.properties() : {};
  reader.end();
  return { kind: 'unload', query, location, properties };
}
