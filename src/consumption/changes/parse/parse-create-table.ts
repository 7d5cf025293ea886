/** CREATE TABLE in Hive's form, with the additions of Athena for Iceberg; and CREATE TABLE AS. */
import { LochError } from '../../../core/errors.ts';
import type { ColumnSpec, CreateTable, PartitionTransform, RowFormat, RowStatement } from '../statements.ts';
import { partitionTransform } from './partition-transform.ts';
import type { Reader } from './reader.ts';

/** After CREATE [EXTERNAL] TABLE. */
export function parseCreateTable(reader: Reader, external: boolean): CreateTable | RowStatement {
  const ifNotExists = reader.accept('if', 'not', 'exists');
  const table = reader.table();
  if (reader.word() === 'like') {
    throw new LochError(
      'unsupported',
      'CREATE TABLE LIKE is not supported. Take SHOW CREATE TABLE and change the name.',
      {
        context: { statement: 'CREATE TABLE LIKE' },
      },
    );
  }
  if (!external && isAs(reader)) return tableAs(reader, table, ifNotExists);
  const columns = reader.word() === '(' ? columnList(reader) : [];
  const parts: { -readonly [K in keyof CreateTable]?: CreateTable[K] } = {};
  while (!reader.done) clause(reader, parts);
  return { kind: 'create_table', table, external, ifNotExists, columns, partitionedBy: [], properties: {}, ...parts };
}

function isAs(reader: Reader): boolean {
  if (['with', 'as', 'comment'].includes(reader.word())) return true;
  return false;
}

function tableAs(reader: Reader, table: CreateTable['table'], ifNotExists: boolean): RowStatement {
  const comment = reader.accept('comment') ? reader.string() : undefined;
  const properties = reader.accept('with') ? reader.properties() : {};
  reader.expect('as');
  const { query, withData } = queryAndData(reader.rest());
  return {
    kind: 'ctas',
    table,
    ifNotExists,
    properties,
    query,
    withData,
    ...(comment === undefined ? {} : { comment }),
  };
}

/** A query with or without `WITH [NO] DATA` behind it. */
function queryAndData(text: string): { readonly query: string; readonly withData: boolean } {
  const [tail, no] = /\s+with\s+(no\s+)?data\s*$/i.exec(text) ?? [];
  return tail === undefined
    ? { query: text, withData: true }
    : { query: text.slice(0, -tail.length), withData: no === undefined };
}

/** `(name type, …)`. **Errors**: `syntax_error`. */
export function columnList(reader: Reader): ColumnSpec[] {
  return reader.list(() => column(reader));
}

/** `name type [NOT NULL] [COMMENT '…']`. */
export function column(reader: Reader): ColumnSpec {
  const name = reader.name();
  const type = columnType(reader);
  const required = reader.accept('not', 'null');
  const comment = reader.accept('comment') ? { comment: reader.string() } : {};
  return { name, type, ...(required ? { required } : {}), ...comment };
}

/** A type as Hive writes it: `decimal(10,2)`, `array<struct<a:int>>`. */
export function columnType(reader: Reader): string {
  const token = reader.peek();
  if (token?.kind !== 'name') throw reader.unexpected('a type');
  let type = reader.name();
  if (type === 'double') reader.accept('precision');
  if (type === 'timestamp' && reader.accept('with')) {
    if (!reader.accept('local')) reader.expect('time', 'zone');
    else reader.expect('time', 'zone');
    return 'timestamptz';
  }
  if (reader.word() === '(') {
    type += `(${reader.list(() => reader.integer()).join(',')})`;
    return type;
  }
  if (!reader.accept('<')) return type;
  const parts: string[] = [];
  do {
    if (type === 'struct') {
      const field = reader.name();
      reader.expect(':');
      parts.push(`${field}:${columnType(reader)}`);
      if (reader.accept('comment')) reader.string();
    } else parts.push(columnType(reader));
  } while (reader.accept(','));
  reader.expect('>');
  return `${type}<${parts.join(',')}>`;
}

function clause(reader: Reader, parts: { -readonly [K in keyof CreateTable]?: CreateTable[K] }): void {
  if (reader.accept('comment')) parts.comment = reader.string();
  else if (reader.accept('partitioned', 'by')) parts.partitionedBy = reader.list(() => partitionKey(reader));
  else if (reader.accept('clustered', 'by')) {
    const columns = reader.names();
    reader.expect('into');
    const buckets = reader.integer();
    reader.expect('buckets');
    parts.clusteredBy = { columns, buckets };
  } else if (reader.accept('row', 'format')) parts.rowFormat = rowFormat(reader);
  else if (reader.accept('with', 'serdeproperties')) {
    const parameters = reader.texts();
    const known = parts.rowFormat;
    parts.rowFormat =
      known === undefined
        ? { kind: 'delimited', parameters }
        : { ...known, parameters: { ...known.parameters, ...parameters } };
  } else if (reader.accept('stored', 'as')) {
    if (reader.accept('inputformat')) {
      parts.inputFormat = reader.string();
      if (reader.accept('outputformat')) parts.outputFormat = reader.string();
    } else parts.storedAs = reader.name();
  } else if (reader.accept('location')) parts.location = reader.string();
  else if (reader.accept('tblproperties')) parts.properties = reader.texts();
  else
    throw reader.unexpected('COMMENT, PARTITIONED BY, CLUSTERED BY, ROW FORMAT, STORED AS, LOCATION or TBLPROPERTIES');
}

function partitionKey(reader: Reader): ColumnSpec | PartitionTransform {
  const after = reader.word(1);
  if (after === ',' || after === ')' || after === '(' || after === '.') return partitionTransform(reader);
  return column(reader);
}

function rowFormat(reader: Reader): RowFormat {
  if (reader.accept('serde')) {
    const library = reader.string();
    const parameters = reader.accept('with', 'serdeproperties') ? reader.texts() : {};
    return { kind: 'serde', library, parameters };
  }
  reader.expect('delimited');
  const parameters: Record<string, string> = {};
  for (;;) {
    if (reader.accept('fields', 'terminated', 'by')) {
      parameters['field.delim'] = reader.string();
      parameters['serialization.format'] = parameters['field.delim'];
      if (reader.accept('escaped', 'by')) parameters['escape.delim'] = reader.string();
    } else if (reader.accept('escaped', 'by')) parameters['escape.delim'] = reader.string();
    else if (reader.accept('collection', 'items', 'terminated', 'by')) parameters['collection.delim'] = reader.string();
    else if (reader.accept('map', 'keys', 'terminated', 'by')) parameters['mapkey.delim'] = reader.string();
    else if (reader.accept('lines', 'terminated', 'by')) parameters['line.delim'] = reader.string();
    else if (reader.accept('null', 'defined', 'as')) parameters['serialization.null.format'] = reader.string();
    else return { kind: 'delimited', parameters };
  }
}
