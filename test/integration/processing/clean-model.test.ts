/** Cleaning against a naive model: whatever the files, their order and how often they come, the same table results. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openTestProcessing } from '../../../src/testing/builders/test-processing.ts';
import type { JobDefinition } from '../../../src/processing/contract.ts';

type Lake = Awaited<ReturnType<typeof openTestProcessing>>;
let lake: Lake;
beforeAll(async () => {
  lake = await openTestProcessing();
  await lake.catalog.createDatabase(lake.root, { name: 'm', locationUri: 's3://lake/m/' });
});
afterAll(() => lake.close());

interface Raw {
  readonly id: string;
  readonly name: string;
  readonly amount: string;
  readonly at: string;
  readonly pos: string;
}

const FIELDS = ['id', 'name', 'amount', 'at', 'pos'] as const;

const raw: fc.Arbitrary<Raw> = fc.record({
  id: fc.oneof(
    { weight: 20, arbitrary: fc.integer({ min: 1, max: 6 }).map(String) },
    fc.constantFrom('', 'x', '1.5', ' 2 ', '3.0'),
  ),
  name: fc.constantFrom('Ann', ' ann ', 'BOB', 'cy,d', 'e"f', '', 'g\nh'),
  amount: fc.constantFrom('1', '1.00', '2.50', '2.505', '-3', '501', '', 'n/a', '.5'),
  at: fc.constantFrom(
    '2026-01-01 00:00:00',
    '01.01.2026',
    '02.01.2026',
    '2026-01-02 00:00:00',
    '31.02.2026',
    '',
    '2026-01-01 00:00:01',
  ),
  pos: fc.constantFrom('1', '2', '10', ''),
});

/** Typed row as text, or the rules it breaks. */
function model(row: Raw): { readonly row: readonly (string | null)[] } | { readonly broken: readonly string[] } {
  const id = /^\s*\d+(\.0*)?\s*$/.test(row.id) ? String(Number(row.id)) : null;
  const name = row.name.trim().toLowerCase();
  const amount = /^-?(\d+(\.\d{0,2}0*)?|\.\d{1,2}0*)$/.test(row.amount) ? Number(row.amount).toFixed(2) : null;
  const german = /^(\d\d)\.(\d\d)\.(\d{4})$/.exec(row.at);
  const iso = german ? `${german[3]}-${german[2]}-${german[1]} 00:00:00` : row.at;
  const at = iso !== '' && !iso.includes('-02-31') ? iso : null;
  const pos = row.pos === '' ? null : row.pos;
  const broken = [
    ...(row.id.trim() === '' ? ['complete(id)'] : []),
    ...(row.id.trim() !== '' && id === null ? ['type(id)'] : []),
    ...(row.amount !== '' && amount === null ? ['type(amount)'] : []),
    ...(row.at !== '' && at === null ? ['type(at)'] : []),
    ...(name === '' ? ['complete(name)'] : []),
    ...(amount !== null && (Number(amount) < 0 || Number(amount) > 500) ? ['range(amount)'] : []),
  ];
  return broken.length > 0 ? { broken } : { row: [id, name, amount, at, pos] };
}

/** Greatest event time, then position, then every column; NULL is least. */
function beats(a: readonly (string | null)[], b: readonly (string | null)[]): boolean {
  const compare = (x: string | null, y: string | null, numeric: boolean) => {
    if (x === y) return 0;
    if (x === null) return -1;
    if (y === null) return 1;
    return numeric ? Number(x) - Number(y) : x < y ? -1 : 1;
  };
  for (const [i, numeric] of [
    [3, false],
    [4, true],
    [0, true],
    [1, false],
    [2, true],
  ] as const) {
    const order = compare(a[i]!, b[i]!, numeric);
    if (order !== 0) return order > 0;
  }
  return false;
}

function expectedTable(rows: readonly Raw[]): (string | null)[][] {
  const winners = new Map<string, readonly (string | null)[]>();
  for (const result of rows.map(model)) {
    if (!('row' in result)) continue;
    const key = result.row[0]!;
    const known = winners.get(key);
    if (known === undefined || beats(result.row, known)) winners.set(key, result.row);
  }
  return [...winners.values()].map((row) => [...row]).sort((a, b) => Number(a[0]) - Number(b[0]));
}

const csvField = (value: string) => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
const toCsv = (rows: readonly Raw[], order: readonly (keyof Raw)[]) =>
  [order.join(','), ...rows.map((row) => order.map((field) => csvField(row[field])).join(','))].join('\n');
const toJson = (rows: readonly Raw[]) => rows.map((row) => JSON.stringify(row)).join('\n');

const job = (n: number, format: 'csv' | 'json'): JobDefinition => ({
  kind: 'clean',
  name: `j${n}`,
  source: { bucket: 'raw', prefix: `j${n}/`, format },
  target: { database: 'm', table: `t${n}` },
  columns: [
    { name: 'id', type: 'bigint' },
    { name: 'name', type: 'string', normalize: ['trim', 'lower'] },
    { name: 'amount', type: 'decimal(6,2)' },
    { name: 'at', type: 'timestamp', formats: ['%Y-%m-%d %H:%M:%S', '%d.%m.%Y'] },
    { name: 'pos', type: 'bigint' },
  ],
  key: ['id'],
  eventTime: 'at',
  sourcePosition: ['pos'],
  rules: [
    { rule: 'complete', column: 'name' },
    { rule: 'range', column: 'amount', min: '0', max: '500' },
  ],
  quarantine: { bucket: 'lake', prefix: 'q/' },
});

let n = 0;
it('gives the table of the model for any split into files and runs, and accounts for every row', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(raw, { minLength: 1, maxLength: 25 }),
      fc.array(fc.array(fc.nat({ max: 24 }), { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 4 }),
      fc.constantFrom('csv' as const, 'json' as const),
      fc.shuffledSubarray([...FIELDS], { minLength: 5 }),
      async (rows, files, format, order) => {
        const number = n++;
        await lake.jobs.put(lake.root, job(number, format));
        const seen: Raw[] = [];
        for (const [i, picks] of files.entries()) {
          const some = picks.map((pick) => rows[pick % rows.length]!);
          seen.push(...some);
          const text = format === 'csv' ? toCsv(some, order) : toJson(some);
          await lake.land(`j${number}/${9 - i}.${format}`, text);
          if (i % 2 === 1) continue; // two files in one run
          const { id } = await lake.jobs.start(lake.root, `j${number}`);
          await lake.jobs.wait(id, lake.root.signal);
        }
        const { id } = await lake.jobs.start(lake.root, `j${number}`);
        await lake.jobs.wait(id, lake.root.signal);

        const runs = await lake.jobs.runs(lake.root, { job: `j${number}` });
        expect(runs.map((run) => run.error?.message ?? run.state)).toEqual(runs.map(() => 'SUCCEEDED'));
        const sum = (pick: (counts: NonNullable<(typeof runs)[number]['counts']>) => number) =>
          runs.reduce((total, run) => total + pick(run.counts!), 0);
        const table = expectedTable(seen);
        const broken = seen.map(model).flatMap((result) => ('broken' in result ? [result.broken] : []));
        expect(sum((c) => c.rowsIn)).toBe(seen.length);
        expect(sum((c) => c.rowsRejected)).toBe(broken.length);
        expect(sum((c) => c.rowsCommitted)).toBe(table.length);
        expect(sum((c) => c.rowsDuplicate)).toBe(seen.length - broken.length - table.length);
        for (const rule of [
          'complete(id)',
          'type(id)',
          'type(amount)',
          'type(at)',
          'complete(name)',
          'range(amount)',
        ]) {
          expect([rule, sum((c) => c.rejectedByRule[rule] ?? 0)]).toEqual([
            rule,
            broken.filter((rules) => rules.includes(rule)).length,
          ]);
        }
        expect(await lake.rows(`SELECT * FROM "m"."t${number}" ORDER BY id`)).toEqual(table);
      },
    ),
    { numRuns: 10 },
  );
});
