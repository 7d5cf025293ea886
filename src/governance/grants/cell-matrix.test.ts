/** The cells a caller sees, against a model that knows nothing of shapes: every grant, every row, every column. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RequestContext } from '../../core/caller.ts';
import { openTestLake, type TestLake } from '../../testing/builders/test-lake.ts';
import type { FilterValue, MaskFunction, RowFilter, TableShape } from '../contract.ts';
import type { LakeResource } from './contract.ts';

const COLUMNS = [
  { name: 'id', type: 'bigint' },
  { name: 'region', type: 'string' },
  { name: 'email', type: 'string' },
  { name: 'born', type: 'date' },
];
const NAMES = COLUMNS.map((column) => column.name);
type Row = Readonly<Record<string, string | number | null>>;
const PRECEDENCE: readonly MaskFunction[] = ['null', 'hash', 'date_to_year', 'last_4', 'tokenise'];

const regions = ['north', 'south', 'east'];
const rowArbitrary: fc.Arbitrary<Row> = fc.record({
  id: fc.option(fc.integer({ min: 0, max: 5 })),
  region: fc.option(fc.constantFrom(...regions)),
  email: fc.option(fc.constantFrom('a@x', 'b@y')),
  born: fc.option(fc.constantFrom('1990-01-01', '2000-06-30')),
});

/** A condition as text, with what it means: true, false or unknown. */
interface Condition {
  readonly text: string;
  readonly test: (row: Row) => boolean | null;
}

const known = (value: unknown, test: () => boolean): boolean | null => (value === null ? null : test());
const simple: fc.Arbitrary<Condition> = fc.oneof(
  fc.constantFrom(...regions).map((name) => ({
    text: `region = '${name}'`,
    test: (row: Row) => known(row.region, () => row.region === name),
  })),
  fc.integer({ min: 0, max: 5 }).map((limit) => ({
    text: `id <= ${limit}`,
    test: (row: Row) => known(row.id, () => (row.id as number) <= limit),
  })),
  fc.constant({ text: 'id IN (1, 3)', test: (row: Row) => known(row.id, () => row.id === 1 || row.id === 3) }),
  fc.constant({
    text: "born BETWEEN DATE '1995-01-01' AND DATE '2005-01-01'",
    test: (row: Row) => known(row.born, () => row.born === '2000-06-30'),
  }),
  fc.constant({ text: "email LIKE 'a%'", test: (row: Row) => known(row.email, () => row.email === 'a@x') }),
  fc.constant({ text: 'region IS NULL', test: (row: Row) => row.region === null }),
);
const condition: fc.Arbitrary<Condition> = fc.oneof(
  simple,
  simple.map((inner) => ({
    text: `NOT (${inner.text})`,
    test: (row: Row) => {
      const value = inner.test(row);
      return value === null ? null : !value;
    },
  })),
  fc.tuple(simple, simple).map(([a, b]) => ({
    text: `${a.text} AND ${b.text}`,
    test: (row: Row) => {
      const [x, y] = [a.test(row), b.test(row)];
      return x === false || y === false ? false : x === null || y === null ? null : true;
    },
  })),
  fc.tuple(simple, simple).map(([a, b]) => ({
    text: `${a.text} OR ${b.text}`,
    test: (row: Row) => {
      const [x, y] = [a.test(row), b.test(row)];
      return x === true || y === true ? true : x === null || y === null ? null : false;
    },
  })),
);

const someColumns = fc.subarray(NAMES, { minLength: 1 });
const maskList = fc.constantFrom<Readonly<Record<string, MaskFunction>>[]>(
  {},
  { email: 'hash' },
  { email: 'last_4' },
  { email: 'null', born: 'date_to_year' },
  { id: 'null' },
);

type Given =
  | { kind: 'columns'; columns: readonly string[]; exclude: boolean }
  | {
      kind: 'filter';
      columns: readonly string[];
      masks: Readonly<Record<string, MaskFunction>>;
      condition: Condition | undefined;
    }
  | { kind: 'table' };

const given: fc.Arbitrary<Given> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('columns' as const), columns: someColumns, exclude: fc.boolean() }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('filter' as const),
      columns: someColumns,
      masks: maskList,
      condition: fc.option(condition, { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('table' as const) }) },
);

type Cell = 'clear' | 'hidden' | MaskFunction;

/** The model: what GOV-GRT-06 and GOV-GRT-08 say, cell by cell. */
function modelCell(grants: readonly Given[], row: Row, column: string): Cell {
  const masks: MaskFunction[] = [];
  for (const grant of grants) {
    if (grant.kind === 'table') return 'clear';
    if (grant.kind === 'columns') {
      if (grant.columns.includes(column) !== grant.exclude) return 'clear';
      continue;
    }
    if (!grant.columns.includes(column)) continue;
    if (grant.condition !== undefined && grant.condition.test(row) !== true) continue;
    const mask = grant.masks[column];
    if (mask === undefined) return 'clear';
    masks.push(mask);
  }
  return PRECEDENCE.find((mask) => masks.includes(mask)) ?? 'hidden';
}

/** What the shape says, read as its contract states it. */
function shapeCell(shape: TableShape | undefined, row: Row, column: string): Cell {
  if (shape === undefined) return 'hidden';
  if (shape.kind === 'full') return 'clear';
  if (!shape.columns.includes(column)) return 'hidden';
  const covering = shape.grants.filter((grant) => grant.columns.includes(column) && evaluate(grant.rows, row) === true);
  if (covering.some((grant) => grant.masks[column] === undefined)) return 'clear';
  return PRECEDENCE.find((mask) => covering.some((grant) => grant.masks[column] === mask)) ?? 'hidden';
}

const compare = (value: string | number, literal: FilterValue): number => {
  const other =
    literal.kind === 'boolean'
      ? String(literal.value)
      : literal.kind === 'number'
        ? Number(literal.text)
        : literal.text;
  return value === other ? 0 : value < other ? -1 : 1;
};

/** SQL's three-valued logic over a parsed filter. */
function evaluate(filter: RowFilter, row: Row): boolean | null {
  switch (filter.op) {
    case 'all':
      return true;
    case 'none':
      return false;
    case 'and':
    case 'or': {
      const decisive = filter.op === 'or';
      const values = filter.terms.map((term) => evaluate(term, row));
      if (values.includes(decisive)) return decisive;
      return values.includes(null) ? null : !decisive;
    }
    case 'not': {
      const value = evaluate(filter.term, row);
      return value === null ? null : !value;
    }
    default: {
      const value = row[filter.column[0]!] ?? null;
      if (filter.op === 'is_null') return value === null;
      if (value === null) return null;
      if (filter.op === 'in') return filter.values.some((literal) => compare(value, literal) === 0);
      if (filter.op === 'between') return compare(value, filter.low) >= 0 && compare(value, filter.high) <= 0;
      if (filter.op === 'like') return String(value).startsWith(filter.pattern.replace('%', ''));
      const order = compare(value, filter.value);
      return {
        '=': order === 0,
        '<>': order !== 0,
        '<': order < 0,
        '<=': order <= 0,
        '>': order > 0,
        '>=': order >= 0,
      }[filter.op];
    }
  }
}

let lake: TestLake;
let user: RequestContext;
beforeAll(async () => {
  lake = await openTestLake();
  await lake.createDatabase(lake.root, 'm');
  user = await lake.user('reader');
});
afterAll(() => lake.close());

async function apply(table: string, grants: readonly Given[]): Promise<void> {
  const name = { database: 'm', table };
  for (const [number, grant] of grants.entries()) {
    let resource: LakeResource = { kind: 'table', ...name };
    if (grant.kind === 'columns') {
      // Excluding every column leaves nothing to grant on; the model then shows nothing by this grant either.
      resource = grant.exclude
        ? { kind: 'columns', ...name, exclude: grant.columns }
        : { kind: 'columns', ...name, include: grant.columns };
    } else if (grant.kind === 'filter') {
      const masks = Object.fromEntries(
        Object.entries(grant.masks).filter(([column]) => grant.columns.includes(column)),
      );
      await lake.governance.grants.createFilter(lake.root, {
        ...name,
        filter: `f${number}`,
        include: grant.columns,
        masks,
        ...(grant.condition === undefined ? {} : { expression: grant.condition.text }),
      });
      resource = { kind: 'filter', ...name, filter: `f${number}` };
    }
    await lake.governance.grants.grant(lake.root, {
      principal: user.principal.arn,
      resource,
      permissions: ['SELECT'],
    });
  }
}

it('shows in 250 cases exactly the cells that the model shows, and explains them as they are', async () => {
  let number = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(given, { minLength: 0, maxLength: 4 }),
      fc.array(rowArbitrary, { minLength: 4, maxLength: 8 }),
      async (grants, rows) => {
        const table = `t${++number}`;
        const name = { database: 'm', table };
        await lake.createTable(lake.root, `m.${table}`, COLUMNS);
        await apply(table, grants);
        const shape = await lake.governance.policy.tableShape(user, name, COLUMNS).catch((error) => {
          expect(['table_not_found', 'access_denied']).toContain(error.code);
          return undefined;
        });
        for (const row of rows) {
          for (const column of NAMES) expect(shapeCell(shape, row, column)).toBe(modelCell(grants, row, column));
        }
        const why = await lake.governance.grants.explainGrants(lake.root, {
          principal: user.principal.arn,
          table: name,
        });
        expect(why.allowed).toBe(shape !== undefined);
        for (const { name: column, shown } of why.columns) {
          const cells = new Set(rows.map((row) => modelCell(grants, row, column)));
          if (shown === 'clear') expect([...cells]).toEqual(['clear']);
          if (shown === 'hidden') expect([...cells]).toEqual(['hidden']);
          if (shown === 'masked') expect(cells.has('clear')).toBe(false);
        }
      },
    ),
    { numRuns: 250 },
  );
});
