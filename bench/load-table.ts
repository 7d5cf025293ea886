/**
 * Loading a table of 100 snapshots through the Iceberg REST door by one client after another, over HTTP.
 * `ratio` is the p99 over the bar of 20 ms, so at most 1 holds the bar.
 */
import { openIcebergTestDoor } from '../src/testing/builders/iceberg-door.ts';
import { contextOf } from '../src/testing/builders/request-context.ts';
import { statedPolicy } from '../src/testing/builders/stated-policy.ts';

const SNAPSHOTS = 100;
const LOADS = 1_000;
const WARM = 100;
const BAR_MS = 20;

/** Runs the bench. **Units**: milliseconds. */
export async function run(): Promise<Record<string, unknown>> {
  const door = await openIcebergTestDoor(statedPolicy({}));
  try {
    const columns = Array.from({ length: 20 }, (_, i) => ({ name: `c${i}`, type: 'bigint' }));
    const name = { database: 'sales', table: 'bench' };
    await door.lake.catalog.createIcebergTable(contextOf('root'), { ...name, name: 'bench', columns });
    for (let i = 0; i < SNAPSHOTS; i++) {
      const path = `s3://lake/sales/bench/data/${i}.parquet`;
      const files = [{ path, format: 'PARQUET' as const, rows: 1, bytes: 1, partition: {} }];
      await door.lake.catalog.commitTable(contextOf('root'), name, { kind: 'append', files });
    }
    const times: number[] = [];
    let bytes = 0;
    for (let i = 0; i < WARM + LOADS; i++) {
      const start = performance.now();
      const { text } = await door.call('root', 'GET', '/namespaces/sales/tables/bench');
      if (i >= WARM) times.push(performance.now() - start);
      bytes = text.length;
    }
    times.sort((a, b) => a - b);
    const at = (share: number) => times[Math.floor(times.length * share)]!;
    return {
      ratio: at(0.99) / BAR_MS,
      bar_ms: BAR_MS,
      p50: at(0.5),
      p99: at(0.99),
      loads: LOADS,
      bytes,
      node: process.version,
    };
  } finally {
    await door.close();
  }
}
