import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixedClock } from '../../core/clock.ts';
import type { Engine } from '../../engines/contract.ts';
import { openDuckdbEngine } from '../../engines/duckdb/index.ts';
import { createTableFormat } from './index.ts';
import { parsePrimitiveType } from './primitive-type.ts';
import { parseValue } from './single-value.ts';
import { openMemoryStore } from '../stores/memory/index.ts';
import { applyTransform, formatPartitionValue, parseTransform } from './transforms.ts';

const sqlText = (value: string) => `'${value.replaceAll("'", "''")}'`;

/** Column type, the transforms to try on it, and texts of values. */
const CASES: readonly (readonly [string, string, readonly string[], readonly string[]])[] = [
  ['int', 'INTEGER', ['identity', 'bucket[16]', 'truncate[10]'], ['0', '34', '-1', '-11', '2147483647', '-2147483640']],
  [
    'bigint',
    'BIGINT',
    ['identity', 'bucket[7]', 'truncate[50]'],
    ['0', '34', '-1', '-51', '9223372036854775807', '-9223372036854775000'],
  ],
  ['decimal(9,2)', 'DECIMAL(9,2)', ['identity', 'truncate[50]'], ['14.20', '-0.01', '0.00', '-10.65', '9999999.99']],
  [
    'string',
    'VARCHAR',
    ['identity', 'bucket[100]', 'truncate[3]'],
    [
      '',
      'iceberg',
      'häßlich',
      '🙂🙃🙂🙃',
      'a/b=c d',
      "it's",
      `a very long text that no folder name should carry, ${'é'.repeat(60)}`,
      'abcd',
      'abcde',
    ],
  ],
  [
    'date',
    'DATE',
    ['identity', 'bucket[16]', 'year', 'month', 'day'],
    ['2017-11-16', '1969-12-31', '1970-01-01', '0900-02-28'],
  ],
  [
    'timestamp',
    'TIMESTAMP',
    ['identity', 'bucket[16]', 'year', 'month', 'day', 'hour'],
    ['2017-11-16 22:31:08', '1969-12-31 23:59:59.999999', '1970-01-01 00:00:00', '2024-02-29 01:02:03.5'],
  ],
  [
    'timestamptz',
    'TIMESTAMPTZ',
    ['identity', 'bucket[16]', 'year', 'month', 'day', 'hour'],
    ['2017-11-16 22:31:08+00', '1969-12-31 23:59:59.999999+00', '2024-02-29 01:02:03.5+00'],
  ],
  [
    'uuid',
    'UUID',
    ['identity', 'bucket[16]'],
    ['f79c3e09-677c-4bbd-a479-3f349cb785e7', '00000000-0000-0000-0000-000000000000'],
  ],
  ['binary', 'BLOB', ['identity', 'bucket[16]'], ['abc', '\\x00\\x01\\x02\\x03', '\\xFF\\xFE\\x00\\x7F\\x80']],
];

describe('the write layout', () => {
  let engine: Engine;
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'loch-layout-'));
    engine = await openDuckdbEngine({ workDirectory: directory, workers: 1 });
  });
  afterAll(async () => {
    await engine.close();
    await rm(directory, { recursive: true, force: true });
  });

  it.each(CASES)(
    'makes the engine split %s columns as the specification says',
    async (type, sqlType, transforms, texts) => {
      const format = createTableFormat({ objects: openMemoryStore({ clock: fixedClock(0) }), clock: fixedClock(0) });
      for (const transform of transforms) {
        const table = format.newTable({
          location: 's3://b/t',
          schema: format.schemaFromColumns([{ name: 'c "x"', type }]),
          partition: [{ column: 'c "x"', transform, name: 'p' }],
        });
        const layout = format.writeLayout(table);
        const values = texts.map((text) => `(${sqlText(text)}::${sqlType})`).join(', ');
        const result = await engine.execute(
          {
            sql: layout.select(`SELECT * FROM (VALUES ${values}, (NULL)) AS v("c ""x""")`),
            inputs: [],
            preamble: layout.preamble,
            settings: { TimeZone: 'Asia/Tokyo' },
            result: {
              kind: 'parquet',
              directory: join(directory, `${type}-${transform}`.replaceAll(/[^a-z0-9-]/g, '_')),
              fieldIds: layout.fieldIds,
              partitionBy: layout.partitionBy,
              partitionColumnsInFiles: false,
            },
          },
          new AbortController().signal,
        );
        const source = parsePrimitiveType(
          typeof table.schemas[0]!.fields[0]!.type === 'string' ? table.schemas[0]!.fields[0]!.type : '',
        );
        const expected = new Map<string, number>([['null', 1]]);
        for (const text of texts) {
          const value = parseValue(source, text);
          expect(value, text).toBeDefined();
          const parsed = parseTransform(transform);
          const partition = formatPartitionValue(parsed, source, applyTransform(parsed, source, value!)!);
          expected.set(partition, (expected.get(partition) ?? 0) + 1);
        }
        const found = new Map<string, number>();
        for (const file of result.files) {
          const { p } = format.dataFile(table, file, 's3://b/t/data/x.parquet').partition;
          found.set(String(p), (found.get(String(p)) ?? 0) + file.rows);
        }
        expect(found, `${transform} of ${type}`).toEqual(expected);
      }
    },
  );
});
