/**
 * A Delta log over data files of another table: each export is one commit that makes the live files of the log those
 * given. Files are named relative to the table and never copied.
 * **Source**: Delta protocol, "Add File", "Change Metadata", "Timestamp without timezone".
 */
import { randomUUID } from 'node:crypto';
import { isLochError, LochError } from '../../../core/errors.ts';
import type { IcebergField, IcebergType } from '../../tables/contract-types.ts';
import type { DeltaExport, DeltaExported } from '../contract-types.ts';
import type { TableFolder } from '../table-folder.ts';
import { planDelta, readDelta } from './snapshot.ts';

const SCALARS: Readonly<Record<string, string>> = {
  boolean: 'boolean',
  int: 'integer',
  long: 'long',
  float: 'float',
  double: 'double',
  string: 'string',
  date: 'date',
  timestamp: 'timestamp_ntz',
  timestamptz: 'timestamp',
  binary: 'binary',
};

const refuse = (what: string) =>
  new LochError('unsupported', `A Delta log cannot be written beside this table: ${what}.`);

function deltaType(type: IcebergType, where: string): unknown {
  if (typeof type === 'string') {
    const decimal = /^decimal\((\d+),\s*(\d+)\)$/.exec(type);
    if (decimal !== null) return `decimal(${decimal[1]},${decimal[2]})`;
    if (type.startsWith('fixed')) return 'binary';
    const known = SCALARS[type];
    if (known === undefined) throw refuse(`\`${where}\` is of type ${type}, which Delta does not have`);
    return known;
  }
  switch (type.type) {
    case 'struct':
      return { type: 'struct', fields: type.fields.map((field) => deltaField(field, `${where}.`)) };
    case 'list':
      return {
        type: 'array',
        elementType: deltaType(type.element, where),
        containsNull: !type['element-required'],
      };
    case 'map':
      return {
        type: 'map',
        keyType: deltaType(type.key, where),
        valueType: deltaType(type.value, where),
        valueContainsNull: !type['value-required'],
      };
  }
}

const deltaField = (field: IcebergField, prefix = ''): object => ({
  name: field.name,
  type: deltaType(field.type, `${prefix}${field.name}`),
  nullable: !field.required,
  metadata: field.doc === undefined ? {} : { comment: field.doc },
});

/** What is in the log now, if there is one. */
async function current(folder: TableFolder) {
  try {
    const plan = await planDelta(folder, {});
    return await readDelta(folder, plan);
  } catch (error) {
    if (isLochError(error, 'not_found')) return undefined;
    throw error;
  }
}

/** **Errors**: `unsupported` naming what Delta cannot say; `commit_conflict` when another wrote the log meanwhile. */
export async function exportDeltaLog(
  folder: TableFolder,
  table: DeltaExport,
  now: number,
  put: (path: string, body: Buffer) => Promise<void>,
): Promise<DeltaExported> {
  const schemaString = JSON.stringify({ type: 'struct', fields: table.fields.map((field) => deltaField(field)) });
  const withoutZone = schemaString.includes('"timestamp_ntz"');
  const before = await current(folder);
  const known = new Map((before?.files ?? []).map((file) => [file.path, file]));
  const actions: object[] = [];
  let added = 0;
  for (const file of table.files) {
    if (known.delete(file.path.replace(/^s3[an]:/, 's3:'))) continue;
    added++;
    actions.push({
      add: {
        path: folder.own(file.path).split('/').map(encodeURIComponent).join('/'),
        size: file.bytes,
        partitionValues: {},
        modificationTime: now,
        dataChange: true,
      },
    });
  }
  for (const path of known.keys()) {
    const encoded = folder.own(path).split('/').map(encodeURIComponent).join('/');
    actions.push({ remove: { path: encoded, deletionTimestamp: now, dataChange: true, partitionValues: {} } });
  }
  const version = before === undefined ? 0 : Number(before.version) + 1;
  const sameSchema = before !== undefined && before.schemaString === schemaString;
  if (before !== undefined && sameSchema && actions.length === 0) {
    return { version: Number(before.version), added: 0, removed: 0 };
  }
  if (!sameSchema) {
    actions.unshift({
      metaData: {
        id: randomUUID(),
        format: { provider: 'parquet', options: {} },
        schemaString,
        partitionColumns: [],
        configuration: {},
        createdTime: now,
      },
    });
    actions.unshift({
      protocol: withoutZone
        ? {
            minReaderVersion: 3,
            minWriterVersion: 7,
            readerFeatures: ['timestampNtz'],
            writerFeatures: ['timestampNtz'],
          }
        : { minReaderVersion: 1, minWriterVersion: 2 },
    });
  }
  actions.unshift({
    commitInfo: { timestamp: now, operation: 'WRITE', operationParameters: { from: table.source }, engineInfo: 'loch' },
  });
  const body = Buffer.from(`${actions.map((action) => JSON.stringify(action)).join('\n')}\n`);
  await put(`_delta_log/${String(version).padStart(20, '0')}.json`, body); // the commit point: the name is taken once
  return { version, added, removed: known.size };
}
