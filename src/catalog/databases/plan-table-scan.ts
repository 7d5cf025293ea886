/**
 * Which files a statement must read. Iceberg plans from its own metadata; a table over files lists its partitions'
 * locations, or its own. Pruning by partition values never changes a result: on doubt a partition is kept.
 */
import { LochError } from '../../core/errors.ts';
import { parseS3Uri, type ScanPredicate } from '../../storage/contract.ts';
import type { Catalog, PartitionRecord, ResolvedTable, TableRecord, TableScan } from '../contract.ts';
import { exclusionTest } from './exclusions.ts';
import { compareValues, kindOf, NULL_VALUE, typedValue } from './partition-value.ts';
import { planForeign } from './foreign-tables.ts';
import { isProjected, projectPartitions } from './partition-projection.ts';
import type { CatalogParts } from './parts.ts';
import { isOutside } from './rows.ts';
import databaseStore from './store.ts';

const PAGE = 2_000;
const LISTINGS_AT_ONCE = 8;
/** From this share of a table's partitions on, one listing of the whole table is cheaper than one for each. */
const WHOLE_TABLE_SHARE = 0.5;
const WHOLE_TABLE_FROM = 8;

type ScannedFile = TableScan['files'][number];

export const planTableScan =
  (parts: CatalogParts): Catalog['planTableScan'] =>
  async (table, options) => {
    if (table.metadata !== undefined) return planIceberg(parts, table, options);
    const { record } = table;
    if (record.format === 'view' || record.format === 'iceberg') {
      throw new LochError(
        'unsupported',
        `\`${record.database}.${record.name}\` is a ${record.format} without files of its own. Expand it first.`,
        { context: { table: record.name } },
      );
    }
    if (record.format === 'delta' || record.format === 'hudi') {
      const foreign = { ...record, format: record.format };
      const matches = (values: readonly string[]) => mayMatch(record, { values }, options.predicates ?? []);
      return { table, ...(await planForeign(parts, foreign, options, matches, NULL_VALUE)) };
    }
    if (options.snapshotId !== undefined || options.asOf !== undefined) {
      throw new LochError(
        'unsupported',
        `\`${record.database}.${record.name}\` has no snapshots: time travel needs an Iceberg table, and this one is ${record.format}.`,
        { context: { table: record.name, format: record.format } },
      );
    }
    if (record.partitionKeys.length > 0) return planPartitions(parts, table, options.predicates ?? []);
    const files = await listFiles(parts, record, record.storage.location, {});
    return { table, files, totalFiles: files.length, bytes: sum(files) };
  };

const sum = (files: readonly ScannedFile[]) => files.reduce((total, file) => total + file.bytes, 0);

async function planIceberg(
  parts: CatalogParts,
  table: ResolvedTable,
  options: Parameters<Catalog['planTableScan']>[1],
): Promise<TableScan> {
  const plan = await parts.tables.planScan(table.metadata!, options);
  const fields = await parts.tables.fileFields(table.metadata!, plan.files);
  const deleted = new Map<number, readonly number[]>();
  for (const [i, { vector }] of plan.files.entries()) {
    if (vector !== undefined) deleted.set(i, await parts.tables.deletedRows(vector));
  }
  return {
    table,
    ...(plan.snapshotId === undefined ? {} : { snapshotId: plan.snapshotId }),
    files: plan.files.map((file, i) => ({
      ...parseS3Uri(file.path),
      bytes: file.bytes,
      partition: file.partition,
      ...(file.deletes.length === 0 ? {} : { deletes: file.deletes }),
      ...(deleted.has(i) ? { deletedRows: deleted.get(i)! } : {}),
      ...(table.metadata!['format-version'] < 3 ? {} : { lineage: lineageOf(file) }),
      ...(fields === undefined ? {} : { fields: fields[i]! }),
    })),
    totalFiles: plan.totalFiles,
    bytes: plan.bytes,
  };
}

const lineageOf = ({
  firstRowId,
  sequenceNumber,
}: {
  readonly firstRowId?: number;
  readonly sequenceNumber: number;
}) => (firstRowId === undefined ? { sequenceNumber } : { firstRowId, sequenceNumber });

async function planPartitions(
  parts: CatalogParts,
  table: ResolvedTable,
  predicates: readonly ScanPredicate[],
): Promise<TableScan> {
  const { record } = table;
  const { kept, total } = isProjected(record)
    ? projectPartitions(record, predicates, parts.clock.now(), (position, value) =>
        mayMatch(record, { values: Object.assign([], { [position]: value }) }, predicates),
      )
    : await listedPartitions(parts, record, predicates);
  const inside = kept.every((partition) => !isOutside(partition.location, record.storage.location));
  const whole = inside && kept.length >= WHOLE_TABLE_FROM && kept.length >= total * WHOLE_TABLE_SHARE;
  const files = whole ? await listWhole(parts, record, kept) : await listEach(parts, record, kept);
  return { table, files, totalFiles: files.length, bytes: sum(files) };
}

async function listedPartitions(parts: CatalogParts, record: TableRecord, predicates: readonly ScanPredicate[]) {
  const kept: PartitionRecord[] = [];
  let total = 0;
  let after: readonly string[] | undefined;
  for (;;) {
    const page = await parts.store.read(databaseStore.procedures.partitions, {
      tableId: record.id,
      leading: [],
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    total += page.length;
    kept.push(...page.filter((partition) => mayMatch(record, partition, predicates)));
    if (page.length < PAGE) return { kept, total };
    after = page.at(-1)!.values;
  }
}

/** What every file of a partition carries. */
function factsOf(record: TableRecord, partition: PartitionRecord): Pick<ScannedFile, 'partition' | 'columns'> {
  return {
    partition: Object.fromEntries(
      record.partitionKeys.map((key, position) => {
        const value = partition.values[position] ?? NULL_VALUE;
        return [key.name, value === NULL_VALUE ? null : value];
      }),
    ),
    ...(partition.columns === undefined ? {} : { columns: partition.columns }),
  };
}

async function listEach(parts: CatalogParts, record: TableRecord, kept: readonly PartitionRecord[]) {
  const files: ScannedFile[][] = [];
  for (let start = 0; start < kept.length; start += LISTINGS_AT_ONCE) {
    const some = kept.slice(start, start + LISTINGS_AT_ONCE);
    files.push(
      ...(await Promise.all(
        some.map((partition) => listFiles(parts, record, partition.location, factsOf(record, partition))),
      )),
    );
  }
  return files.flat();
}

/** One listing of the table's location; each file goes to the partition in whose folder it lies. */
async function listWhole(parts: CatalogParts, record: TableRecord, kept: readonly PartitionRecord[]) {
  const byFolder = new Map<string, Pick<ScannedFile, 'partition' | 'columns'>>();
  for (const partition of kept) byFolder.set(folderKey(partition.location), factsOf(record, partition));
  const files: ScannedFile[] = [];
  for await (const object of objectsAt(parts, record, record.storage.location)) {
    let folder = object.key;
    while (folder !== '') {
      folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/')));
      const facts = byFolder.get(folder);
      if (facts === undefined) continue;
      if (isData(object.key.slice(folder.length))) files.push({ ...object, ...facts });
      break;
    }
  }
  return files;
}

const folderKey = (location: string): string => parseS3Uri(location).key.replace(/\/+$/, '');

/** Files that begin with `_` or `.`, or lie in such a folder, are not data (Hive's rule). */
function isData(path: string): boolean {
  return !path.split('/').some((segment) => segment.startsWith('_') || segment.startsWith('.'));
}

async function listFiles(
  parts: CatalogParts,
  record: TableRecord,
  location: string,
  facts: Partial<ScannedFile>,
): Promise<ScannedFile[]> {
  const files: ScannedFile[] = [];
  const folder = folderKey(location);
  for await (const object of objectsAt(parts, record, location)) {
    if (object.key === folder || isData(object.key.slice(folder.length))) {
      files.push({ ...object, partition: {}, ...facts });
    }
  }
  return files;
}

/** Globs of whole locations that are not the table's, as crawlers leave them in its parameters. */
function excludedBy(record: TableRecord): (location: string) => boolean {
  let patterns: unknown;
  try {
    patterns = JSON.parse(record.parameters.exclusions ?? '[]');
  } catch {
    patterns = undefined;
  }
  if (Array.isArray(patterns)) return patterns.length === 0 ? () => false : exclusionTest(patterns as string[]);
  throw new LochError(
    'invalid_argument',
    `Parameter \`exclusions\` of \`${record.database}.${record.name}\` is not a JSON list of patterns. Correct it.`,
    { context: { table: record.name } },
  );
}

/** Objects with bytes at a location, but for excluded ones: the one of exactly that key, and those in that folder. */
async function* objectsAt(parts: CatalogParts, record: TableRecord, location: string) {
  const { bucket, key } = parseS3Uri(location);
  const excluded = excludedBy(record);
  const isFile = (object: { readonly key: string; readonly size: number }) =>
    object.size > 0 && !excluded(`s3://${bucket}/${object.key}`);
  const folder = key.replace(/\/+$/, '');
  if (key === folder && key !== '') {
    const exact = await parts.objects.list(bucket, { prefix: key, maxKeys: 1 });
    const [first] = exact.objects;
    if (first?.key === key && isFile(first)) yield { bucket, key, bytes: first.size };
  }
  let startAfter: string | undefined;
  do {
    const page = await parts.objects.list(bucket, {
      prefix: folder === '' ? '' : `${folder}/`,
      maxKeys: 1000,
      ...(startAfter === undefined ? {} : { startAfter }),
    });
    for (const object of page.objects) {
      if (isFile(object)) yield { bucket, key: object.key, bytes: object.size };
    }
    startAfter = page.next;
  } while (startAfter !== undefined);
}

/** False only when a predicate on a partition key is certain to refuse every row of the partition. */
export function mayMatch(
  record: TableRecord,
  partition: Pick<PartitionRecord, 'values'>,
  predicates: readonly ScanPredicate[],
): boolean {
  return predicates.every((predicate) => {
    const position = record.partitionKeys.findIndex((key) => key.name === predicate.column.toLowerCase());
    const text = partition.values[position];
    if (position === -1 || text === undefined) return true;
    if (text === NULL_VALUE) return predicate.op === 'is_null';
    if (predicate.op === 'is_null') return false;
    if (predicate.op === 'not_null') return true;
    const kind = kindOf(record.partitionKeys[position]!.type);
    const value = typedValue(kind, text);
    const wanted = predicate.values.map((literal) => typedValue(kind, literal));
    if (value === undefined || wanted.some((literal) => literal === undefined)) return true;
    const orders = wanted.map((literal) => compareValues(value, literal!));
    switch (predicate.op) {
      case '=':
      case 'in':
        return orders.includes(0);
      case '<':
        return orders.every((order) => order < 0);
      case '<=':
        return orders.every((order) => order <= 0);
      case '>':
        return orders.every((order) => order > 0);
      case '>=':
        return orders.every((order) => order >= 0);
      default:
        return true;
    }
  });
}
