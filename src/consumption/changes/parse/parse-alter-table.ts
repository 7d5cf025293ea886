/** ALTER TABLE in Hive's form, with Spark's for partition fields, sort orders, branches and tags. */
import type { DefinitionStatement, PartitionRef, SortKey, TableAlteration } from '../statements.ts';
import { column, columnList, columnType } from './parse-create-table.ts';
import { partitionTransform } from './partition-transform.ts';
import type { Reader } from './reader.ts';

/** After ALTER TABLE. */
export function parseAlterTable(reader: Reader): DefinitionStatement {
  const ifExists = reader.accept('if', 'exists');
  const table = reader.table();
  const change = alteration(reader);
  reader.end();
  return { kind: 'alter_table', table, ifExists, change };
}

function alteration(reader: Reader): TableAlteration {
  if (reader.accept('add')) return added(reader);
  if (reader.accept('drop')) return dropped(reader);
  if (reader.accept('rename')) return renamed(reader);
  if (reader.accept('change')) return changedColumn(reader);
  if (reader.accept('alter')) return alteredColumn(reader);
  if (reader.accept('create'))
    return reference(reader, reader.accept('or', 'replace') ? 'create_or_replace' : 'create');
  if (reader.accept('execute', 'fast_forward')) {
    reader.expect('(');
    const name = reader.string();
    reader.expect(',');
    const to = reader.string();
    reader.expect(')');
    return { action: 'fast_forward', name, to };
  }
  if (reader.accept('execute', 'cherry_pick')) {
    reader.expect('(');
    const snapshotId = reader.string();
    reader.expect(')');
    return { action: 'cherry_pick', snapshotId };
  }
  if (reader.accept('replace')) {
    if (reader.accept('columns')) return { action: 'replace_columns', columns: columnList(reader) };
    if (reader.accept('partition', 'field')) {
      const from = partitionTransform(reader);
      reader.expect('with');
      return { action: 'replace_partition_field', from, to: partitionTransform(reader) };
    }
    return reference(reader, 'replace');
  }
  if (reader.accept('set')) {
    if (reader.accept('tblproperties')) return { action: 'set_properties', properties: reader.texts() };
    reader.expect('location');
    return { action: 'set_location', location: reader.string() };
  }
  if (reader.accept('unset', 'tblproperties')) {
    const ifExists = reader.accept('if', 'exists');
    return { action: 'unset_properties', ifExists, names: reader.list(() => reader.string()) };
  }
  if (reader.accept('write')) {
    if (reader.accept('unordered')) return { action: 'write_order', keys: [] };
    if (!reader.accept('locally')) reader.accept('distributed', 'by', 'partition', 'locally');
    reader.expect('ordered', 'by');
    return { action: 'write_order', keys: sortKeys(reader) };
  }
  if (reader.accept('partition')) {
    const from = partition(reader);
    if (reader.accept('rename', 'to', 'partition')) return { action: 'rename_partition', from, to: partition(reader) };
    reader.expect('set', 'location');
    return { action: 'set_location', location: reader.string(), partition: from };
  }
  throw reader.unexpected('ADD, DROP, RENAME, CHANGE, ALTER, REPLACE, CREATE, SET, UNSET, WRITE or PARTITION');
}

function added(reader: Reader): TableAlteration {
  if (reader.accept('columns')) return { action: 'add_columns', columns: columnList(reader) };
  if (reader.accept('column')) return { action: 'add_columns', columns: [column(reader)] };
  if (reader.accept('partition', 'field')) return { action: 'add_partition_field', field: partitionTransform(reader) };
  const ifNotExists = reader.accept('if', 'not', 'exists');
  const partitions: PartitionRef[] = [];
  while (reader.accept('partition')) {
    const one = partition(reader);
    partitions.push(reader.accept('location') ? { ...one, location: reader.string() } : one);
  }
  if (partitions.length === 0) throw reader.unexpected('COLUMNS, PARTITION or PARTITION FIELD');
  return { action: 'add_partitions', ifNotExists, partitions };
}

function dropped(reader: Reader): TableAlteration {
  if (reader.accept('columns')) return { action: 'drop_column', columns: reader.names() };
  if (reader.accept('column')) {
    if (reader.word() === '(') return { action: 'drop_column', columns: reader.names() };
    return { action: 'drop_column', columns: [reader.name()] };
  }
  if (reader.word() === 'branch' || reader.word() === 'tag') return reference(reader, 'drop');
  if (reader.accept('partition', 'field')) return { action: 'drop_partition_field', field: partitionTransform(reader) };
  const ifExists = reader.accept('if', 'exists');
  const partitions: PartitionRef[] = [];
  do {
    reader.expect('partition');
    partitions.push(partition(reader));
  } while (reader.accept(','));
  return { action: 'drop_partitions', ifExists, partitions };
}

function renamed(reader: Reader): TableAlteration {
  if (reader.accept('to')) return { action: 'rename', to: reader.table() };
  reader.expect('column');
  const from = reader.name();
  reader.expect('to');
  return { action: 'rename_column', from, to: reader.name() };
}

function changedColumn(reader: Reader): TableAlteration {
  reader.accept('column');
  const from = reader.name();
  const spec = column(reader);
  const place = placeOf(reader);
  return { action: 'change_column', from, column: spec, ...(place === undefined ? {} : { place }) };
}

function placeOf(reader: Reader): { readonly first: true } | { readonly after: string } | undefined {
  if (reader.accept('first')) return { first: true };
  return reader.accept('after') ? { after: reader.name() } : undefined;
}

function alteredColumn(reader: Reader): TableAlteration {
  reader.expect('column');
  const name = reader.name();
  if (reader.accept('drop', 'not', 'null')) return { action: 'drop_not_null', column: name };
  if (!reader.accept('type')) reader.expect('set', 'data', 'type');
  return { action: 'alter_type', column: name, type: columnType(reader) };
}

function partition(reader: Reader): PartitionRef {
  const pairs = reader.list((): [string, string] => {
    const key = reader.name();
    reader.expect('=');
    const token = reader.peek();
    if (token?.kind === 'number') return [key, String(reader.integer())];
    if (token?.kind === 'symbol' && token.text === '-') {
      reader.expect('-');
      return [key, `-${reader.integer()}`];
    }
    return [key, reader.string()];
  });
  return { values: Object.fromEntries(pairs) };
}

function sortKeys(reader: Reader): SortKey[] {
  const keys: SortKey[] = [];
  do {
    const { column: name, transform } = partitionTransform(reader);
    const direction = reader.accept('desc') ? 'desc' : 'asc';
    if (direction === 'asc') reader.accept('asc');
    let nulls: SortKey['nulls'] = direction === 'asc' ? 'first' : 'last';
    if (reader.accept('nulls')) {
      nulls = reader.accept('first') ? 'first' : 'last';
      if (nulls === 'last') reader.expect('last');
    }
    keys.push({ column: name, transform, direction, nulls });
  } while (reader.accept(','));
  return keys;
}

const DAY_MS = 86_400_000;
const UNITS: Readonly<Record<string, number>> = {
  day: DAY_MS,
  days: DAY_MS,
  hour: 3_600_000,
  hours: 3_600_000,
  minute: 60_000,
  minutes: 60_000,
};

function reference(reader: Reader, verb: 'create' | 'replace' | 'create_or_replace' | 'drop'): TableAlteration {
  const type = reader.accept('tag') ? 'tag' : 'branch';
  if (type === 'branch') reader.expect('branch');
  const lenient = verb === 'drop' ? reader.accept('if', 'exists') : reader.accept('if', 'not', 'exists');
  const name = reader.peek()?.kind === 'string' ? reader.string() : reader.written();
  if (verb === 'drop') return { action: 'reference', type, verb, name, lenient };
  const snapshot = reader.accept('as', 'of', 'version') ? { snapshotId: reader.peek()!.text } : {};
  if (snapshot.snapshotId !== undefined && !/^\d{1,20}$/.test(snapshot.snapshotId))
    throw reader.unexpected('a snapshot id');
  if (snapshot.snapshotId !== undefined) reader.take();
  const kept: { maxRefAgeMs?: number; minSnapshotsToKeep?: number; maxSnapshotAgeMs?: number } = {};
  if (reader.accept('retain')) kept.maxRefAgeMs = duration(reader);
  if (type === 'branch' && reader.accept('with', 'snapshot', 'retention')) {
    if (reader.word(1) === 'snapshots') {
      kept.minSnapshotsToKeep = reader.integer();
      reader.expect('snapshots');
    }
    if (reader.peek()?.kind === 'number') kept.maxSnapshotAgeMs = duration(reader);
  }
  return { action: 'reference', type, verb, name, lenient, ...snapshot, ...kept };
}

function duration(reader: Reader): number {
  const count = reader.integer();
  const unit = UNITS[reader.word()];
  if (unit === undefined) throw reader.unexpected('DAYS, HOURS or MINUTES');
  reader.take();
  return count * unit;
}
