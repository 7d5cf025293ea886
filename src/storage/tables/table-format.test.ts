import { describe, expect, it } from 'vitest';
import { fixedClock } from '../../core/clock.ts';
import type { DataFile, TableMetadata } from './contract-types.ts';
import { createTableFormat } from './index.ts';
import { openMemoryStore } from '../stores/memory/index.ts';

const LOCATION = 's3://curated/sales';

async function world() {
  const clock = fixedClock(1_700_000_000_000);
  const objects = openMemoryStore({ clock });
  await objects.createBucket('curated', { region: 'us-east-1', ownerAccountId: '000000000000' });
  const format = createTableFormat({ objects, clock });
  const schema = format.schemaFromColumns([
    { name: 'id', type: 'bigint', required: true },
    { name: 'region', type: 'string' },
    { name: 'amount', type: 'decimal(12,2)' },
    { name: 'at', type: 'timestamp' },
  ]);
  return { objects, clock, format, schema };
}

const file = (name: string, extra: Partial<DataFile> = {}): DataFile => ({
  path: `${LOCATION}/data/${name}.parquet`,
  format: 'PARQUET',
  rows: 10,
  bytes: 1000,
  partition: {},
  ...extra,
});

const names = (plan: { readonly files: readonly { readonly path: string }[] }) =>
  plan.files.map((f) => f.path.replace(/^.*\/(.*)\.parquet$/, '$1')).sort();

describe('the Iceberg table format', () => {
  it('creates a table, appends, overwrites and plans what is live', async () => {
    const { format, schema, clock } = await world();
    const empty = format.newTable({ location: LOCATION, schema });
    const at = await format.writeMetadata(empty, 0);
    expect(await format.readMetadata(at)).toEqual(empty);
    expect((await format.planScan(empty, {})).files).toEqual([]);

    const one = await format.stage(empty, { kind: 'append', files: [file('a'), file('b')] });
    clock.advance(1000);
    const two = await format.stage(one.metadata, { kind: 'append', files: [file('c')] });
    expect(names(await format.planScan(two.metadata, {}))).toEqual(['a', 'b', 'c']);

    const three = await format.stage(two.metadata, { kind: 'overwrite', files: [file('d')] });
    expect(names(await format.planScan(three.metadata, {}))).toEqual(['d']);
    expect(names(await format.planScan(three.metadata, { snapshotId: two.snapshotId }))).toEqual(['a', 'b', 'c']);
    expect(names(await format.planScan(three.metadata, { asOf: 1_700_000_000_500 }))).toEqual(['a', 'b']);
    expect(three.metadata.snapshots.at(-1)?.summary).toMatchObject({
      operation: 'overwrite',
      'deleted-data-files': '3',
      'total-data-files': '1',
      'total-records': '10',
    });
  });

  it('reads its own files as another instance would, ids beyond 2^53 included', async () => {
    const { format, schema, objects, clock } = await world();
    const staged = await format.stage(
      format.newTable({ location: LOCATION, schema, partition: [{ column: 'region', transform: 'identity' }] }),
      {
        kind: 'append',
        files: [file('a', { partition: { region: 'north' } }), file('b', { partition: { region: null } })],
      },
      { version: 1 },
    );
    const other = createTableFormat({ objects, clock });
    const metadata: TableMetadata = await other.readMetadata(staged.metadataLocation!);
    expect(metadata).toEqual(staged.metadata);
    const plan = await other.planScan(metadata, {});
    expect(plan.snapshotId).toBe(staged.snapshotId);
    expect(plan.files.map((f) => f.partition)).toEqual([{ region: 'north' }, { region: null }]);
    expect(
      names(await other.planScan(metadata, { predicates: [{ column: 'region', op: '=', values: ['north'] }] })),
    ).toEqual(['a']);
    expect(
      names(await other.planScan(metadata, { predicates: [{ column: 'region', op: 'is_null', values: [] }] })),
    ).toEqual(['b']);
  });
});
