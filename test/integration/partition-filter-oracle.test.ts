/** The partition filter against an SQL engine: the same expressions over the same typed values, NULLs included. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parsePartitionFilter } from '../../src/catalog/databases/partition-filter.ts';
import { NULL_VALUE } from '../../src/catalog/databases/partition-value.ts';
import { openDuckdbEngine } from '../../src/engines/duckdb/index.ts';

const KEYS = [
  { name: 'region', type: 'string', engine: 'VARCHAR', values: ['eu', 'us', 'Zürich', "o'k", '10', '9', ''] },
  { name: 'tiny', type: 'tinyint', engine: 'TINYINT', values: ['-5', '0', '7', '100'] },
  { name: 'small', type: 'smallint', engine: 'SMALLINT', values: ['-300', '9', '10', '3000'] },
  { name: 'n', type: 'int', engine: 'INTEGER', values: ['9', '10', '-1', '2147483647'] },
  { name: 'big', type: 'bigint', engine: 'BIGINT', values: ['9007199254740993', '9007199254740992', '5', '-9'] },
  { name: 'long', type: 'long', engine: 'BIGINT', values: ['1', '20', '3'] },
  { name: 'amount', type: 'decimal(10,2)', engine: 'DECIMAL(10,2)', values: ['9.50', '10.00', '-0.01', '9.05'] },
  { name: 'day', type: 'date', engine: 'DATE', values: ['2026-01-31', '2025-12-01', '2026-02-01'] },
  {
    name: 'moment',
    type: 'timestamp',
    engine: 'TIMESTAMP',
    values: ['2026-01-31 10:00:00', '2026-01-31 09:59:59.5', '2026-01-31'],
  },
] as const;

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
const literal = (key: (typeof KEYS)[number]) =>
  fc.constantFrom<string>(...key.values).map((text) => (/INT|DECIMAL/.test(key.engine) ? text : quoted(text)));

const leaf = fc.constantFrom(...KEYS).chain((key) => {
  const one = literal(key);
  const choices: fc.Arbitrary<string>[] = [
    fc.tuple(fc.constantFrom('=', '<>', '<', '<=', '>', '>='), one).map(([op, value]) => `${key.name} ${op} ${value}`),
    fc
      .tuple(fc.boolean(), fc.array(one, { minLength: 1, maxLength: 3 }))
      .map(([negated, list]) => `${key.name} ${negated ? 'NOT ' : ''}IN (${list.join(', ')})`),
    fc
      .tuple(fc.boolean(), one, one)
      .map(([negated, low, high]) => `${key.name} ${negated ? 'NOT ' : ''}BETWEEN ${low} AND ${high}`),
    fc.boolean().map((negated) => `${key.name} IS ${negated ? 'NOT ' : ''}NULL`),
  ];
  if (key.engine === 'VARCHAR') {
    choices.push(
      fc
        .tuple(fc.boolean(), fc.constantFrom('%', 'e_', '%r%', '1%', '_'))
        .map(([negated, pattern]) => `${key.name} ${negated ? 'NOT ' : ''}LIKE ${quoted(pattern)}`),
    );
  }
  return fc.oneof(...choices);
});
const { tree } = fc.letrec<{ tree: string }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.tuple(tie('tree'), fc.constantFrom('AND', 'OR'), tie('tree')).map(([a, op, b]) => `(${a}) ${op} (${b})`),
    tie('tree').map((inner) => `NOT (${inner})`),
  ),
}));

let folder: string;
let engine: Awaited<ReturnType<typeof openDuckdbEngine>>;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'loch-oracle-'));
  engine = await openDuckdbEngine({
    workDirectory: folder,
    workers: 1,
    memoryLimitBytes: 512 * 1024 * 1024,
    queueLimit: 10,
  });
});
afterAll(async () => {
  await engine.close();
  rmSync(folder, { recursive: true });
});

it('keeps the partitions that an SQL engine keeps, over 5,000 random expressions of every type', async () => {
  const rows = fc.sample(
    fc.tuple(...KEYS.map((key) => fc.option(fc.constantFrom<string>(...key.values), { freq: 6 }))),
    { numRuns: 40, seed: 7 },
  );
  const table = rows.map((row) => `(${row.map((value) => (value === null ? 'NULL' : quoted(value))).join(', ')})`);
  const typed = KEYS.map((key) => `CAST("${key.name}" AS ${key.engine}) AS "${key.name}"`);
  const from = `(SELECT ${typed.join(', ')} FROM (VALUES ${table.join(', ')}) AS v(${KEYS.map((key) => `"${key.name}"`).join(', ')}))`;
  const expressions = fc.sample(tree, { numRuns: 5000, seed: 42 });
  for (let start = 0; start < expressions.length; start += 250) {
    const some = expressions.slice(start, start + 250);
    const { rows: answers } = await engine.execute(
      {
        sql: `SELECT ${some.map((text) => `coalesce(${text}, false)`).join(', ')} FROM ${from}`,
        inputs: [],
        result: { kind: 'rows', maxRows: 100 },
      },
      new AbortController().signal,
    );
    some.forEach((text, i) => {
      const filter = parsePartitionFilter(text, KEYS);
      const ours = rows.map((row) => filter.test(row.map((value) => value ?? NULL_VALUE)));
      expect([text, ours]).toEqual([text, answers.map((answer) => answer[i] === 'true')]);
    });
  }
});
