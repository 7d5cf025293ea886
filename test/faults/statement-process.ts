/**
 * A process to be killed: runs one statement over a lake and stands still at a named state of it, which it prints.
 * Without a state it goes on where the one before was killed, and prints what became of the statement and the table.
 */
import { writeSync } from 'node:fs';
import { openQueryLake } from '../../src/testing/builders/query-lake.ts';

const [, , folder, state = '', sql = ''] = process.argv as [string, string, string, string?, string?];
const still = (at: string): Promise<void> => {
  if (at !== state) return Promise.resolve();
  writeSync(1, `at ${at}\n`);
  return new Promise(() => setInterval(() => {}, 1_000));
};

/** `target` with some methods of its own; the rest is the target's. */
function over<T extends object>(target: T, own: Partial<T>): T {
  return new Proxy(target, {
    get(of, key) {
      if (key in own) return Reflect.get(own, key);
      const value: unknown = Reflect.get(of, key);
      return typeof value === 'function' ? value.bind(of) : value;
    },
  });
}

const lake = await openQueryLake(
  {},
  {
    folder,
    consumption: (parts) => ({
      ...parts,
      objects: over(parts.objects, {
        async put(bucket, key, body, options) {
          const head = await parts.objects.put(bucket, key, body, options);
          if (options?.operation === 'TableWrite') await still('a file is written');
          return head;
        },
      }),
      catalog: over(parts.catalog, {
        async commitTable(...args) {
          await still('before the commit');
          const outcome = await parts.catalog.commitTable(...args);
          await still('after the commit');
          return outcome;
        },
        async createTable(...args) {
          await still('before the commit');
          const table = await parts.catalog.createTable(...args);
          await still('after the commit');
          return table;
        },
        async registerIcebergTable(...args) {
          await still('before the commit');
          const table = await parts.catalog.registerIcebergTable(...args);
          await still('after the commit');
          return table;
        },
      }),
    }),
  },
);
const { queries } = lake.consumption;
if (sql !== '') {
  const id = await queries.start(lake.root, { sql, database: 'bank', dialect: 'athena' });
  const execution = await queries.wait(id, AbortSignal.timeout(60_000));
  writeSync(1, `${JSON.stringify({ state: execution.state, reason: execution.stateReason })}\n`);
} else {
  const [last] = await queries.list(lake.root, { limit: 1 });
  const execution = await queries.wait(last!.id, AbortSignal.timeout(60_000));
  const { objects } = await lake.objects.list('lake', { prefix: 'bank/' });
  const rows = await lake.rows(lake.root, 'SELECT id, n FROM t ORDER BY id').catch(() => 'none');
  const files = objects.filter(({ key }) => key.includes(last!.id)).length;
  const { state: ended, rowCount, error } = execution;
  writeSync(1, `${JSON.stringify({ state: ended, rowCount, retryable: error?.retryable, rows, files })}\n`);
}
await lake.close();
