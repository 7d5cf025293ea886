/**
 * Random histories of a table against a model of it: what is live, what it was at each snapshot, and that pruning loses
 * no file with a row that matches.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixedClock } from '../../core/clock.ts';
import type { DataFile, ScanPredicate, TableFormat, TableMetadata } from './contract-types.ts';
import { createTableFormat } from './index.ts';
import { bindSpec } from './partition-tuple.ts';
import { compareValues, formatValue, parseValue, type SingleValue } from './single-value.ts';
import { currentSchema, specById } from './table-metadata.ts';
import { openMemoryStore } from '../stores/memory/index.ts';
import { applyTransform, formatPartitionValue } from './transforms.ts';
import { parsePrimitiveType } from './primitive-type.ts';

const COLUMNS = {
  id: 'long',
  name: 'string',
  amount: 'decimal(9,2)',
  day: 'date',
  at: 'timestamp',
  ratio: 'double',
} as const;
type Column = keyof typeof COLUMNS;
type Row = Readonly<Record<Column, string | null>>;
const NAMES = Object.keys(COLUMNS) as Column[];
const HIVE: Record<Column, string> = { ...COLUMNS, id: 'bigint' };

const TEXTS: Readonly<Record<Column, readonly string[]>> = {
  id: ['-9223372036854775800', '-11', '-1', '0', '1', '7', '8', '9007199254740993'],
  name: ['', 'a', 'north', 'north pole of the globe', 'north pole of the world', 'süd', '😀😀', '\ufffd'],
  amount: ['-10.05', '-0.01', '0.00', '0.99', '12.50', '9999999.99'],
  day: ['1969-12-31', '1970-01-01', '2024-02-29', '2026-01-31', '2026-02-01'],
  at: [
    '1969-12-31 23:59:59.999999',
    '1970-01-01 00:00:00',
    '2026-01-31 09:59:59',
    '2026-01-31 10:00:00',
    '2026-02-01 00:00:00',
  ],
  ratio: ['-inf', '-1.5', '-0.0', '0.0', '2.5', 'inf', 'nan'],
};
/** Literals that are no values of the column, or lie between two. */
const ODD: Readonly<Record<Column, readonly string[]>> = {
  id: ['0.5', '-0.5', '7.0', '1e3', 'x'],
  name: ['nort', 'z'],
  amount: ['12.505', '-0.005', '13'],
  day: ['2026-01-31 12:00:00', '2026-01-31 00:00:00', 'soon'],
  at: ['2026-01-31', '2026-01-31 10:00'],
  ratio: ['1', '1e-3'],
};
const PARTITIONS: readonly (readonly { readonly column: Column; readonly transform: string }[])[] = [
  [],
  [{ column: 'name', transform: 'identity' }],
  [
    { column: 'id', transform: 'bucket[3]' },
    { column: 'day', transform: 'month' },
  ],
  [
    { column: 'name', transform: 'truncate[4]' },
    { column: 'at', transform: 'day' },
  ],
  [
    { column: 'at', transform: 'hour' },
    { column: 'amount', transform: 'truncate[1000]' },
  ],
  [
    { column: 'day', transform: 'year' },
    { column: 'id', transform: 'truncate[10]' },
    { column: 'ratio', transform: 'identity' },
  ],
  [
    { column: 'name', transform: 'bucket[2]' },
    { column: 'day', transform: 'void' },
  ],
];

const cell = (column: Column) => fc.option(fc.constantFrom(...TEXTS[column]), { freq: 4, nil: null });
const row: fc.Arbitrary<Row> = fc.record(
  Object.fromEntries(NAMES.map((name) => [name, cell(name)])) as Record<Column, fc.Arbitrary<string | null>>,
);
const fileRows = fc.array(row, { minLength: 1, maxLength: 3 });
const operation = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      files: fc.array(fileRows, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('overwrite' as const), files: fc.array(fileRows, { maxLength: 2 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('replace' as const),
      files: fc.array(fileRows, { maxLength: 2 }),
      picks: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('respec' as const), spec: fc.nat(PARTITIONS.length - 1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reschema' as const) }) },
);
const predicate: fc.Arbitrary<ScanPredicate> = fc
  .constantFrom(...NAMES)
  .chain((column) =>
    fc.record({
      column: fc.constant(column as string),
      op: fc.constantFrom('=', '<', '<=', '>', '>=', 'in', 'is_null', 'not_null'),
      values: fc.array(fc.constantFrom(...TEXTS[column], ...ODD[column]), { minLength: 1, maxLength: 3 }),
    }),
  )
  .map((p) => ({
    ...p,
    values: p.op === 'in' ? p.values : p.op === 'is_null' || p.op === 'not_null' ? [] : p.values.slice(0, 1),
  }));

interface ModelFile {
  readonly path: string;
  readonly rows: readonly Row[];
}

const typedValue = (column: Column, text: string): SingleValue =>
  parseValue(parsePrimitiveType(COLUMNS[column]), text)!;

/** The engine's answer: NaN equals itself and is above all; between exact and in-between literals by number. */
function satisfies(rows: Row, { column, op, values }: ScanPredicate): boolean {
  const text = rows[column as Column];
  if (op === 'is_null') return text === null;
  if (text === null) return false;
  if (op === 'not_null') return true;
  const orders = values.map((literal) => orderOf(column as Column, text, literal));
  switch (op) {
    case '=':
    case 'in':
      return orders.includes(0);
    case '<':
      return orders[0]! < 0;
    case '<=':
      return orders[0]! <= 0;
    case '>':
      return orders[0]! > 0;
    case '>=':
      return orders[0]! >= 0;
  }
}

function orderOf(column: Column, text: string, literal: string): number {
  const kind = COLUMNS[column];
  if (kind === 'string') return compareValues(text, literal);
  const number = (t: string): number | bigint => {
    if (kind === 'date' || kind === 'timestamp') {
      const value = parseValue(parsePrimitiveType('timestamp'), t);
      return value === undefined ? Number.NaN : (value as bigint);
    }
    if (t === 'nan') return Number.NaN;
    if (t.endsWith('inf')) return t.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    return /^-?\d+$/.test(t) ? BigInt(t) : Number(t);
  };
  const [a, b] = [number(text), number(literal)];
  const [nanA, nanB] = [Number.isNaN(a), Number.isNaN(b)];
  // A literal that is no number fails in the engine: nothing matches then.
  if (nanB && literal !== 'nan') return Number.NaN;
  if (nanA || nanB) return nanA === nanB ? 0 : nanA ? 1 : -1;
  return a < b ? -1 : a > b ? 1 : 0;
}

class World {
  readonly format: TableFormat;
  readonly #clock: ReturnType<typeof fixedClock>;
  metadata: TableMetadata;
  live: ModelFile[] = [];
  readonly history: { readonly snapshotId: string; readonly at: number; readonly live: readonly ModelFile[] }[] = [];
  #count = 0;

  static async open(): Promise<World> {
    const clock = fixedClock(1_000);
    const objects = openMemoryStore({ clock });
    await objects.createBucket('lake', { region: 'us-east-1', ownerAccountId: '000000000000' });
    return new World(createTableFormat({ objects, clock }), clock);
  }

  private constructor(format: TableFormat, clock: ReturnType<typeof fixedClock>) {
    this.format = format;
    this.#clock = clock;
    this.metadata = this.format.newTable({
      location: 's3://lake/t',
      schema: this.format.schemaFromColumns(NAMES.map((name) => ({ name, type: HIVE[name] }))),
      properties: { 'commit.manifest.min-count-to-merge': '4' },
    });
  }

  /** Data files of rows; rows whose partition is another than the first row's are left out. */
  dataFiles(files: readonly (readonly Row[])[]): { readonly file: DataFile; readonly model: ModelFile }[] {
    return files.map((rows) => {
      const partition = this.#partitionOf(rows[0]!);
      const kept = rows.filter((r) => JSON.stringify(this.#partitionOf(r)) === JSON.stringify(partition));
      const path = `s3://lake/t/data/${this.#count++}.parquet`;
      return {
        file: { path, format: 'PARQUET', rows: kept.length, bytes: 10, partition, ...this.#statistics(kept) },
        model: { path, rows: kept },
      };
    });
  }

  #partitionOf(r: Row): Record<string, string | null> {
    const tuple = bindSpec(this.metadata, specById(this.metadata, this.metadata['default-spec-id']));
    const schema = currentSchema(this.metadata);
    const texts: Record<string, string | null> = {};
    for (const field of tuple.fields) {
      const name = schema.fields.find((f) => f.id === field.sourceId)?.name as Column;
      const text = r[name];
      const value = text === null ? undefined : applyTransform(field.transform, field.source, typedValue(name, text));
      texts[field.name] = value === undefined ? null : formatPartitionValue(field.transform, field.source, value);
    }
    return texts;
  }

  #statistics(rows: readonly Row[]): Partial<DataFile> {
    const schema = currentSchema(this.metadata);
    const statistics = { valueCounts: {}, nullCounts: {}, nanCounts: {}, lower: {}, upper: {} } as Record<
      string,
      Record<number, number | string>
    >;
    for (const name of NAMES) {
      const id = schema.fields.find((f) => f.name === name)!.id;
      const texts = rows.flatMap((r) => r[name] ?? []);
      const values = texts
        .filter((text) => text !== 'nan')
        .map((text) => typedValue(name, text))
        .sort(compareValues);
      statistics.valueCounts![id] = rows.length;
      statistics.nullCounts![id] = rows.length - texts.length;
      if (name === 'ratio' && !texts.includes('nan')) statistics.nanCounts![id] = 0;
      if (values.length === 0) continue;
      statistics.lower![id] = formatValue(parsePrimitiveType(COLUMNS[name]), values[0]!);
      statistics.upper![id] = formatValue(parsePrimitiveType(COLUMNS[name]), values.at(-1)!);
    }
    return statistics as Partial<DataFile>;
  }

  async apply(op: typeof operation extends fc.Arbitrary<infer T> ? T : never): Promise<void> {
    this.#clock.advance(10);
    if (op.kind === 'respec') return this.#respec(PARTITIONS[op.spec]!);
    if (op.kind === 'reschema') return this.#reschema();
    const made = this.dataFiles(op.files);
    const files = made.map((m) => m.file);
    if (op.kind === 'replace') {
      if (this.live.length === 0) return;
      const removed = new Set(op.picks.map((pick) => this.live[pick % this.live.length]!.path));
      await this.#commit({ kind: 'replace', operation: 'overwrite', remove: [...removed], files });
      this.live = this.live.filter((file) => !removed.has(file.path));
    } else {
      await this.#commit({ kind: op.kind, files });
      if (op.kind === 'overwrite') this.live = [];
    }
    this.live = [...this.live, ...made.map((m) => m.model)];
    this.history.push({
      snapshotId: this.metadata['current-snapshot-id']!,
      at: this.metadata['last-updated-ms'],
      live: this.live,
    });
  }

  async #commit(change: Parameters<TableFormat['stage']>[1]): Promise<void> {
    const base = await this.format.writeMetadata(this.metadata, this.#count);
    const staged = await this.format.stage(this.metadata, change, { version: this.#count, baseLocation: base });
    this.metadata = await this.format.readMetadata(staged.metadataLocation!);
  }

  /** Another partition spec, as a metadata operation. */
  #respec(fields: (typeof PARTITIONS)[number]): void {
    const schema = currentSchema(this.metadata);
    const spec = {
      'spec-id': 0,
      fields: fields.map(({ column, transform }) => ({
        'source-id': schema.fields.find((f) => f.name === column)!.id,
        name: `${column}_${transform.replaceAll(/\W/g, '')}`,
        transform,
      })),
    };
    this.metadata = this.format.applyUpdates(this.metadata, [
      { action: 'add-spec', spec },
      { action: 'set-default-spec', 'spec-id': -1 },
    ]);
  }

  /** Columns in another order, and one more. */
  #reschema(): void {
    const columns = this.format.columnsFromSchema(currentSchema(this.metadata));
    const more = { name: `extra_${this.#count++}`, type: 'int' };
    this.metadata = this.format.applyUpdates(
      this.metadata,
      this.format.schemaUpdates(this.metadata, [...columns.slice(1), columns[0]!, more]),
    );
  }
}

const pathsOf = (files: readonly { readonly path: string }[]) => files.map((file) => file.path).sort();

describe('random histories of a table', () => {
  it('agree with the model now, at every snapshot and time, and pruning loses no matching file', async () => {
    let pruned = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(operation, { minLength: 3, maxLength: 14 }),
        fc.array(fc.array(predicate, { minLength: 1, maxLength: 2 }), { minLength: 5, maxLength: 5 }),
        async (operations, conjunctions) => {
          const world = await World.open();
          for (const op of operations) await world.apply(op);
          const all = await world.format.planScan(world.metadata, {});
          expect(pathsOf(all.files)).toEqual(pathsOf(world.live));
          expect(all.totalFiles).toBe(world.live.length);
          for (const moment of world.history) {
            const then = await world.format.planScan(world.metadata, { snapshotId: moment.snapshotId });
            expect(pathsOf(then.files)).toEqual(pathsOf(moment.live));
            const byTime = await world.format.planScan(world.metadata, { asOf: moment.at });
            expect(byTime.snapshotId).toBe(moment.snapshotId);
          }
          for (const predicates of conjunctions) {
            const plan = await world.format.planScan(world.metadata, { predicates });
            const kept = new Set(plan.files.map((file) => file.path));
            const matching = world.live.filter((file) =>
              file.rows.some((r) => predicates.every((p) => satisfies(r, p))),
            );
            expect(matching.filter((file) => !kept.has(file.path))).toEqual([]);
            pruned += world.live.length - kept.size;
          }
          const last = world.metadata.snapshots.at(-1)?.summary;
          if (last !== undefined) expect(last['total-data-files']).toBe(String(world.live.length));
        },
      ),
      { numRuns: 150 },
    );
    expect(pruned).toBeGreaterThan(100);
  });
});
