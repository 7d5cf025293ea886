/** Statements that change something, told from their first words. */
import { LochError } from '../../../core/errors.ts';
import type { ChangeStatement } from '../statements.ts';
import { parseAlterTable } from './parse-alter-table.ts';
import { parseCreateTable } from './parse-create-table.ts';
import { parseDelete, parseInsert, parseMerge, parseUnload, parseUpdate } from './parse-rows.ts';
import { Reader } from './reader.ts';

/** A statement with Athena's words for it. */
export interface ParsedChange {
  readonly statement: ChangeStatement;
  readonly statementType: 'DML' | 'DDL' | 'UTILITY';
  readonly substatementType: string;
}

/** The statement, or undefined when it is of another kind. **Errors**: `syntax_error` with its place; `unsupported`. */
export function parseChange(sql: string): ParsedChange | undefined {
  const reader = new Reader(sql);
  const dml = (substatementType: string, statement: ChangeStatement): ParsedChange => {
    reader.end();
    return { statement, statementType: 'DML', substatementType };
  };
  if (reader.accept('insert')) return dml('INSERT', parseInsert(reader));
  if (reader.accept('delete')) return dml('DELETE', parseDelete(reader));
  if (reader.accept('update')) return dml('UPDATE', parseUpdate(reader));
  if (reader.accept('merge')) return dml('MERGE', parseMerge(reader));
  if (reader.accept('unload')) return dml('UNLOAD', parseUnload(reader));
  const definition = parseDefinition(reader);
  if (definition === undefined) return undefined;
  reader.end();
  const { substatementType, statement } = definition;
  return { statement, statementType: 'DDL', substatementType };
}

type Definition = Pick<ParsedChange, 'statement' | 'substatementType'>;

function parseDefinition(reader: Reader): Definition | undefined {
  if (reader.accept('create')) return parseCreate(reader);
  if (reader.accept('drop')) return parseDrop(reader);
  if (reader.accept('alter')) {
    if (reader.accept('table')) {
      const statement = parseAlterTable(reader);
      return { statement, substatementType: alterWord(statement) };
    }
    if (reader.accept('database') || reader.accept('schema')) {
      const database = reader.name();
      reader.expect('set');
      if (!reader.accept('dbproperties')) reader.expect('properties');
      return {
        statement: { kind: 'alter_database', database, properties: reader.texts() },
        substatementType: 'ALTER_DATABASE',
      };
    }
    throw notThis(reader, 'ALTER', 'ALTER TABLE, ALTER DATABASE');
  }
  if (reader.accept('msck')) {
    reader.expect('repair');
    reader.accept('table');
    return { statement: { kind: 'repair_table', table: reader.table() }, substatementType: 'MSCK' };
  }
  return undefined;
}

function parseCreate(reader: Reader): Definition {
  if (reader.accept('database') || reader.accept('schema')) {
    const ifNotExists = reader.accept('if', 'not', 'exists');
    const database = reader.name();
    const comment = reader.accept('comment') ? { comment: reader.string() } : {};
    const location = reader.accept('location') ? { location: reader.string() } : {};
    const properties = reader.accept('with', 'dbproperties') ? reader.texts() : {};
    const statement = { kind: 'create_database', database, ifNotExists, ...comment, ...location, properties } as const;
    return { statement, substatementType: 'CREATE_DATABASE' };
  }
  const replace = reader.accept('or', 'replace');
  const protectedView = reader.accept('protected', 'multi', 'dialect');
  if (reader.accept('view')) {
    if (protectedView) throw notThis(reader, 'CREATE PROTECTED MULTI DIALECT VIEW', 'CREATE [OR REPLACE] VIEW');
    const table = reader.table();
    const columns = reader.word() === '(' ? { columns: reader.names() } : {};
    const comment = reader.accept('comment') ? { comment: reader.string() } : {};
    if (reader.accept('security')) {
      if (reader.accept('definer'))
        throw notThis(reader, 'SECURITY DEFINER', 'SECURITY INVOKER: a view reads with the rights of its reader');
      reader.expect('invoker');
    }
    reader.expect('as');
    const statement = { kind: 'create_view', table, replace, ...columns, ...comment, query: reader.rest() } as const;
    return { statement, substatementType: 'CREATE_VIEW' };
  }
  if (!replace && (reader.accept('external', 'table') || reader.word() === 'table')) {
    const external = !reader.accept('table');
    const statement = parseCreateTable(reader, external);
    return { statement, substatementType: statement.kind === 'ctas' ? 'CREATE_TABLE_AS_SELECT' : 'CREATE_TABLE' };
  }
  throw notThis(
    reader,
    'CREATE',
    'CREATE DATABASE, CREATE [EXTERNAL] TABLE, CREATE TABLE AS, CREATE [OR REPLACE] VIEW',
  );
}

function parseDrop(reader: Reader): Definition {
  if (reader.accept('database') || reader.accept('schema')) {
    const ifExists = reader.accept('if', 'exists');
    const database = reader.name();
    const cascade = reader.accept('cascade');
    if (!cascade) reader.accept('restrict');
    return { statement: { kind: 'drop_database', database, ifExists, cascade }, substatementType: 'DROP_DATABASE' };
  }
  for (const [word, kind] of [
    ['table', 'drop_table'],
    ['view', 'drop_view'],
  ] as const) {
    if (!reader.accept(word)) continue;
    const ifExists = reader.accept('if', 'exists');
    return { statement: { kind, table: reader.table(), ifExists }, substatementType: kind.toUpperCase() };
  }
  throw notThis(reader, 'DROP', 'DROP DATABASE, DROP TABLE, DROP VIEW');
}

function alterWord(statement: ChangeStatement): string {
  if (statement.kind !== 'alter_table') return 'ALTER_TABLE';
  return `ALTER_TABLE_${statement.change.action.toUpperCase()}`;
}

function notThis(reader: Reader, verb: string, known: string): LochError {
  const next = reader.word().toUpperCase();
  const name = /^[A-Z_]+$/.test(next) && !verb.includes(' ') ? `${verb} ${next}` : verb;
  return new LochError('unsupported', `${name} is not supported. Supported: ${known}.`, {
    context: { statement: name },
  });
}
