import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestContext } from '../../../core/caller.ts';
import { openQueryLake, type QueryLake } from '../../../testing/builders/query-lake.ts';
import type { QueryExecution } from '../../contract.ts';

let lake: QueryLake;
beforeAll(async () => {
  lake = await openQueryLake();
});
afterAll(() => lake.close());

async function run(sql: string, context: RequestContext = lake.root, database = 'bank'): Promise<QueryExecution> {
  const { queries } = lake.consumption;
  const id = await queries.start(context, { sql, database, dialect: 'athena' });
  return queries.wait(id, AbortSignal.timeout(30_000));
}

async function did(sql: string): Promise<readonly (readonly (string | null)[])[]> {
  const execution = await run(sql);
  expect(execution.stateReason, sql).toBeUndefined();
  return (await lake.consumption.queries.results(lake.root, execution.id)).rows;
}

async function failed(sql: string): Promise<string> {
  const execution = await run(sql);
  expect(execution.state, sql).toBe('FAILED');
  return execution.stateReason!;
}

const text = async (sql: string) => (await did(sql)).map((row) => row.join('\t')).join('\n');
const table = (name: string) => lake.catalog.getTable(lake.root, { database: 'bank', table: name });
const metadataOf = async (name: string) =>
  (await lake.catalog.resolveTable(lake.root, { database: 'bank', table: name })).metadata!;
const rows = (sql: string) => lake.rows(lake.root, sql);

describe('Databases', () => {
  it('are made, changed, shown and dropped, with their tables by CASCADE alone', async () => {
    await did(
      "CREATE DATABASE IF NOT EXISTS Sales COMMENT 'what we sell' LOCATION 's3://lake/sales/' WITH DBPROPERTIES ('team' = 'a')",
    );
    await did('CREATE SCHEMA IF NOT EXISTS sales');
    expect(await failed('CREATE DATABASE sales')).toMatch(/^ALREADY_EXISTS: /);
    await did("ALTER DATABASE sales SET DBPROPERTIES ('team' = 'b', 'x' = 'y')");
    expect(await lake.catalog.getDatabase(lake.root, 'sales')).toMatchObject({
      description: 'what we sell',
      locationUri: 's3://lake/sales/',
      parameters: { team: 'b', x: 'y' },
    });
    await did("CREATE TABLE sales.t WITH (table_type = 'ICEBERG') AS SELECT 1 AS a");
    const { error } = await run('DROP DATABASE sales');
    expect(error).toMatchObject({ type: 1003, message: expect.stringMatching(/^SCHEMA_NOT_EMPTY: .*CASCADE/) });
    await did('DROP DATABASE sales CASCADE');
    await did('DROP DATABASE IF EXISTS sales');
    expect(await failed('DROP DATABASE sales')).toMatch(/^SCHEMA_NOT_FOUND: /);
  });
});

describe('Tables over files', () => {
  it('are made as Hive describes them, and read at once', async () => {
    await lake.objects.put('lake', 'in/csv/a.csv', Buffer.from('1|x|2.50\n2|\\N|\n'));
    await did(`CREATE EXTERNAL TABLE IF NOT EXISTS \`raw\` (
        id int COMMENT 'it''s the key', -- with a comment
        \`name\` varchar(10),
        price decimal(10,2))
      COMMENT "rows"
      ROW FORMAT DELIMITED FIELDS TERMINATED BY '|' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n'
      STORED AS TEXTFILE LOCATION 's3://lake/in/csv/' TBLPROPERTIES ("has_encrypted_data"="false")`);
    expect(await rows('SELECT * FROM raw ORDER BY id')).toEqual([
      ['1', 'x', '2.50'],
      ['2', null, null],
    ]);
    expect(await table('raw')).toMatchObject({
      description: 'rows',
      columns: [
        { name: 'id', type: 'int', comment: "it's the key" },
        { type: 'varchar(10)' },
        { type: 'decimal(10,2)' },
      ],
      storage: { serdeParameters: { 'field.delim': '|', 'escape.delim': '\\', 'line.delim': '\n' } },
    });
  });

  it('say what is wrong with them, at its place', async () => {
    expect(await failed('CREATE TABLE x (a int)')).toMatch(/must be external.*table_type/);
    expect(await failed("CREATE EXTERNAL TABLE x (a int) LOCATION 's3://lake/in/csv/a.csv'")).toMatch(/is a file/);
    expect(await failed("CREATE EXTERNAL TABLE x (a int) LOCATION 's3://lake/in/*'")).toMatch(/is a pattern/);
    expect(await failed("CREATE EXTERNAL TABLE x (a int,) LOCATION 's3://lake/x/'")).toMatch(
      /^SYNTAX_ERROR: line 1:32: /,
    );
    expect(await failed("CREATE EXTERNAL TABLE x (a int) STORED AS NOTHING LOCATION 's3://lake/x/'")).toMatch(
      /^NOT_SUPPORTED: .*NOTHING.*PARQUET/,
    );
    expect(
      await failed("CREATE EXTERNAL TABLE x (a int) LOCATION 's3://lake/x/' TBLPROPERTIES ('table_type' = 'ICEBERG')"),
    ).toMatch(/drop EXTERNAL/);
    expect(await failed("CREATE EXTERNAL TABLE x (a blob) LOCATION 's3://lake/x/'")).toMatch(/blob/);
    expect(await failed('CREATE TABLE y LIKE raw')).toMatch(/^NOT_SUPPORTED: CREATE TABLE LIKE/);
    expect(await failed('CREATE INDEX i ON raw (id)')).toMatch(
      /^NOT_SUPPORTED: CREATE INDEX .*CREATE \[EXTERNAL\] TABLE/,
    );
  });

  it('get partitions one by one, and lose, move and rename them', async () => {
    await did(
      "CREATE EXTERNAL TABLE days (v string) PARTITIONED BY (day date, part string) LOCATION 's3://lake/days/'",
    );
    await did(
      "ALTER TABLE days ADD IF NOT EXISTS PARTITION (day = '2026-01-01', part = 'a/b') PARTITION (part = 'c', day = '2026-01-02') LOCATION 's3://lake/elsewhere/'",
    );
    expect(await text('SHOW PARTITIONS days')).toBe('day=2026-01-01/part=a/b\nday=2026-01-02/part=c');
    const [first, second] = await lake.catalog.listPartitions(lake.root, { database: 'bank', table: 'days' });
    expect([first!.location, second!.location]).toEqual([
      's3://lake/days/day=2026-01-01/part=a%2Fb/',
      's3://lake/elsewhere/',
    ]);
    expect(await failed("ALTER TABLE days ADD PARTITION (day = '2026-01-01', part = 'a/b')")).toMatch(
      /^ALREADY_EXISTS: /,
    );
    expect(await failed("ALTER TABLE days ADD PARTITION (day = '2026-01-01')")).toMatch(/told by day, part/);
    await did(
      "ALTER TABLE days PARTITION (day = '2026-01-01', part = 'a/b') RENAME TO PARTITION (day = '2026-01-01', part = 'z')",
    );
    await did("ALTER TABLE days PARTITION (day = '2026-01-02', part = 'c') SET LOCATION 's3://lake/days/moved/'");
    await did(
      "ALTER TABLE days DROP IF EXISTS PARTITION (day = '2026-01-09', part = 'z'), PARTITION (day = '2026-01-01', part = 'z')",
    );
    expect(await text('SHOW PARTITIONS days')).toBe('day=2026-01-02/part=c');
  });

  it('find the partitions that lie in their place, whatever their case, and add only', async () => {
    await did(
      "CREATE EXTERNAL TABLE found (v string) PARTITIONED BY (at string, part string) LOCATION 's3://lake/found/'",
    );
    const put = (key: string) => lake.objects.put('lake', `found/${key}`, Buffer.from('x\n'));
    await put('AT=10%3A30/Part=a/1.txt');
    await put('at=11:00/part=b/1.txt');
    await put('at=11:00/2.txt');
    await put('other/3.txt');
    await put('_temporary/at=1/part=2/4.txt');
    await lake.objects.put('lake', 'found2/at=1/part=1/x.txt', Buffer.from('x\n'));
    expect(await text('MSCK REPAIR TABLE found')).toBe(
      'Repair: Added partition to metastore found:at=10:30/part=a\nRepair: Added partition to metastore found:at=11:00/part=b\nSkipped: s3://lake/found/other/ (expected at=…)',
    );
    expect(await rows('SELECT v, "at", part FROM found ORDER BY "at"')).toEqual([
      ['x', '10:30', 'a'],
      ['x', '11:00', 'b'],
    ]);
    expect(await text('MSCK REPAIR TABLE found')).toMatch(/^Skipped: [^\n]*$/);
  });

  it('change their columns, properties, place and name', async () => {
    await did("ALTER TABLE days ADD COLUMNS (w int COMMENT 'second')");
    await did('ALTER TABLE days CHANGE COLUMN v value string AFTER w');
    expect((await table('days')).columns).toEqual([
      { name: 'w', type: 'int', comment: 'second' },
      { name: 'value', type: 'string' },
    ]);
    await did('ALTER TABLE days REPLACE COLUMNS (only string)');
    await did("ALTER TABLE days SET TBLPROPERTIES ('a' = '1', 'b' = '2')");
    await did("ALTER TABLE days UNSET TBLPROPERTIES ('a')");
    await did("ALTER TABLE days SET LOCATION 's3://lake/days2/'");
    await did('ALTER TABLE days RENAME TO days2');
    const after = await table('days2');
    expect(after.columns).toEqual([{ name: 'only', type: 'string' }]);
    expect(after.parameters).toMatchObject({ b: '2' });
    expect(after.parameters.a).toBeUndefined();
    expect(after.storage.location).toBe('s3://lake/days2/');
    expect(await failed('ALTER TABLE days2 DROP COLUMN only')).toMatch(/^NOT_SUPPORTED: .*REPLACE COLUMNS/);
    expect(await failed('ALTER TABLE days2 ADD PARTITION FIELD only')).toMatch(/^NOT_SUPPORTED: .*Iceberg/);
    await did('DROP TABLE days2');
    await did('DROP TABLE IF EXISTS days2');
    expect(await failed('DROP TABLE days2')).toMatch(/^TABLE_NOT_FOUND: /);
  });
});

describe('Iceberg tables', () => {
  it('evolve without a file being written again, and old snapshots read as they were', async () => {
    await did(
      "CREATE TABLE ev (id int NOT NULL, name string, f float, d decimal(8,2), s struct<a:int>) TBLPROPERTIES ('table_type' = 'ICEBERG')",
    );
    await did(
      "INSERT INTO ev SELECT 1, 'one', CAST(1.5 AS real), CAST(2.25 AS decimal(8,2)), CAST(ROW(7) AS ROW(a integer))",
    );
    const before = await metadataOf('ev');
    await did("ALTER TABLE ev ADD COLUMNS (extra string COMMENT 'new', at timestamp)");
    await did('ALTER TABLE ev CHANGE COLUMN id key bigint FIRST');
    await did('ALTER TABLE ev CHANGE f f double AFTER key');
    await did('ALTER TABLE ev CHANGE d d decimal(12,2)');
    await did('ALTER TABLE ev RENAME COLUMN name TO label');
    await did('ALTER TABLE ev DROP COLUMN extra');
    await did('ALTER TABLE ev ADD COLUMN extra int');
    await did('ALTER TABLE ev ALTER COLUMN key DROP NOT NULL');
    const after = await metadataOf('ev');
    const schema = after.schemas.find((one) => one['schema-id'] === after['current-schema-id'])!;
    expect(
      schema.fields.map(({ name, type, required }) => [name, typeof type === 'string' ? type : type.type, required]),
    ).toEqual([
      ['key', 'long', false],
      ['f', 'double', false],
      ['label', 'string', false],
      ['d', 'decimal(12,2)', false],
      ['s', 'struct', false],
      ['at', 'timestamp', false],
      ['extra', 'int', false],
    ]);
    expect(after['current-snapshot-id']).toBe(before['current-snapshot-id']);
    expect(await rows('SELECT key, f, label, d, extra FROM ev')).toEqual([['1', '1.5', 'one', '2.25', null]]);
    expect(await failed('ALTER TABLE ev CHANGE COLUMN key key int')).toMatch(/^TYPE_MISMATCH: .*long to int/);
    expect(await failed('ALTER TABLE ev CHANGE COLUMN nope x int')).toMatch(/^COLUMN_NOT_FOUND: .*key, f, label/);
    expect(await failed('ALTER TABLE ev ADD COLUMNS (label int)')).toMatch(/^ALREADY_EXISTS: /);
  });

  it('take properties they know, in the values they take', async () => {
    await did(
      "ALTER TABLE ev SET TBLPROPERTIES ('write.delete.mode' = 'copy-on-write', 'vacuum_max_snapshot_age_seconds' = '100')",
    );
    expect((await metadataOf('ev')).properties).toMatchObject({ 'write.delete.mode': 'copy-on-write' });
    expect(await failed("ALTER TABLE ev SET TBLPROPERTIES ('write.delete.mode' = 'sometimes')")).toMatch(
      /^INVALID_TABLE_PROPERTY: .*`sometimes`.*copy-on-write, merge-on-read/,
    );
    expect(await failed("ALTER TABLE ev SET TBLPROPERTIES ('wirte.mode' = 'x')")).toMatch(
      /^INVALID_TABLE_PROPERTY: .*`wirte.mode`/,
    );
    await did("ALTER TABLE ev UNSET TBLPROPERTIES ('vacuum_max_snapshot_age_seconds')");
    expect(await failed("ALTER TABLE ev UNSET TBLPROPERTIES ('vacuum_max_snapshot_age_seconds')")).toMatch(
      /has no property/,
    );
  });

  it('evolve their partitions and order, old files and new ones pruned together', async () => {
    await did('ALTER TABLE ev ADD PARTITION FIELD bucket(4, key) AS shard');
    await did('ALTER TABLE ev ADD PARTITION FIELD days(at)');
    await did("INSERT INTO ev (key, label, at) VALUES (2, 'two', timestamp '2026-03-04 05:06:07'), (3, 'three', NULL)");
    await did('ALTER TABLE ev REPLACE PARTITION FIELD days(at) WITH months(at)');
    await did('ALTER TABLE ev DROP PARTITION FIELD shard');
    await did("INSERT INTO ev (key, label, at) VALUES (4, 'four', timestamp '2026-03-05 05:06:07')");
    await did('ALTER TABLE ev WRITE ORDERED BY label DESC NULLS LAST, bucket(4, key)');
    const metadata = await metadataOf('ev');
    const spec = metadata['partition-specs'].find((one) => one['spec-id'] === metadata['default-spec-id'])!;
    expect(spec.fields.map(({ name, transform }) => [name, transform])).toEqual([['at_month', 'month']]);
    const order = metadata['sort-orders'].find((one) => one['order-id'] === metadata['default-sort-order-id'])!;
    expect(order.fields).toMatchObject([
      { transform: 'identity', direction: 'desc', 'null-order': 'nulls-last' },
      { transform: 'bucket[4]', direction: 'asc', 'null-order': 'nulls-first' },
    ]);
    expect(await rows(`SELECT key FROM ev WHERE "at" >= TIMESTAMP '2026-03-01' ORDER BY key`)).toEqual([['2'], ['4']]);
    expect(await failed('ALTER TABLE ev ADD PARTITION FIELD days(label)')).toMatch(/day.*label|label.*day/);
    expect(await failed('ALTER TABLE ev DROP COLUMN at')).toMatch(/partition field/);
    expect(await failed("ALTER TABLE ev ADD PARTITION (key = '1')")).toMatch(/^NOT_SUPPORTED: .*Iceberg/);
    await did('ALTER TABLE ev WRITE UNORDERED');
    expect((await metadataOf('ev'))['default-sort-order-id']).toBe(0);
    await did('UPDATE ev SET label = upper(label)');
    expect(await rows('SELECT key, label FROM ev ORDER BY key')).toEqual([
      ['1', 'ONE'],
      ['2', 'TWO'],
      ['3', 'THREE'],
      ['4', 'FOUR'],
    ]);
  });

  it('keep branches and tags, which queries travel to', async () => {
    const before = (await metadataOf('ev'))['current-snapshot-id']!;
    await did('ALTER TABLE ev CREATE TAG q3 RETAIN 7 DAYS');
    await did('ALTER TABLE ev CREATE BRANCH IF NOT EXISTS audit');
    await did('DELETE FROM ev');
    await did(`ALTER TABLE ev CREATE OR REPLACE TAG \`old one\` AS OF VERSION ${before}`);
    expect(await did("SELECT count(*) FROM ev FOR VERSION AS OF 'q3'")).toEqual([['4']]);
    expect(await did("SELECT count(*) FROM ev FOR VERSION AS OF 'audit'")).toEqual([['4']]);
    expect((await did('SELECT name, type FROM "ev$refs" ORDER BY name')).map((row) => row.join(' '))).toEqual([
      'audit BRANCH',
      'main BRANCH',
      'old one TAG',
      'q3 TAG',
    ]);
    expect(await failed('ALTER TABLE ev CREATE TAG q3')).toMatch(/^ALREADY_EXISTS: /);
    expect(await failed('ALTER TABLE ev DROP TAG nope')).toMatch(/^NOT_FOUND: .*audit/);
    await did('ALTER TABLE ev DROP BRANCH IF EXISTS nope');
    await did('ALTER TABLE ev DROP BRANCH audit');
    expect(Object.keys((await metadataOf('ev')).refs).sort()).toEqual(['main', 'old one', 'q3']);
  });
});

describe('SHOW CREATE', () => {
  it('prints a statement that makes an equal table', async () => {
    await did(
      "CREATE TABLE eq (id bigint NOT NULL COMMENT 'it''s', name string, at timestamp, m map<string,array<int>>) COMMENT 'a \\ b' PARTITIONED BY (name, bucket(4, id), truncate(2, name), day(at)) LOCATION 's3://lake/eq/' TBLPROPERTIES ('table_type' = 'ICEBERG', 'write.update.mode' = 'copy-on-write')",
    );
    const shown = await text('SHOW CREATE TABLE eq');
    await did(shown.replace('`eq`', '`eq2`').replace('s3://lake/eq', 's3://lake/eq2'));
    const [one, two] = [await metadataOf('eq'), await metadataOf('eq2')];
    for (const part of ['schemas', 'partition-specs', 'properties'] as const) expect(two[part]).toEqual(one[part]);
    expect((await table('eq2')).description).toBe('a \\ b');

    await did(
      "CREATE EXTERNAL TABLE hv (a int COMMENT 'x', b struct<c:string>) PARTITIONED BY (p string COMMENT 'part') ROW FORMAT DELIMITED FIELDS TERMINATED BY '\\001' NULL DEFINED AS '' LOCATION 's3://lake/hv/' TBLPROPERTIES ('k' = 'v''w')",
    );
    await did((await text('SHOW CREATE TABLE hv')).replace('`hv`', '`hv2`'));
    const { columns, partitionKeys, storage, parameters } = await table('hv');
    expect(await table('hv2')).toMatchObject({ columns, partitionKeys, storage, parameters });

    await did('CREATE VIEW vw AS SELECT id, upper(name) AS name FROM eq WHERE id > 0');
    await did((await text('SHOW CREATE VIEW vw')).replace('`vw`', '`vw2`'));
    expect((await table('vw2')).viewText).toBe((await table('vw')).viewText);
  });

  it('describes a table, plain, extended and formatted', async () => {
    expect(await text('DESCRIBE eq')).toBe(
      "id\tbigint\tit's\nname\tstring\t\nat\ttimestamp\t\nm\tmap<string,array<int>>\t\n\t\t\n# Partition spec:\t\t\n# field_name\tfield_transform\t\n`name`\t\t\nbucket(4, `id`)\t\t\ntruncate(2, `name`)\t\t\nday(`at`)\t\t",
    );
    expect(await text('DESCRIBE FORMATTED hv')).toMatch(
      /# Detailed Table Information[\s\S]*Location:\ts3:\/\/lake\/hv\/[\s\S]*SerDe Library:\torg.apache/,
    );
    expect(await text('DESCRIBE EXTENDED hv')).toMatch(/Detailed Table Information\tTable\(tableName:hv, dbName:bank/);
    expect(await text("SHOW TBLPROPERTIES eq ('write.update.mode')")).toBe('copy-on-write');
    expect(await text('SHOW TBLPROPERTIES eq')).toContain('write.update.mode\tcopy-on-write');
  });
});

describe('Views', () => {
  it('are made, replaced and dropped, read with the rights of their reader, and never read themselves', async () => {
    await did(
      "CREATE TABLE base WITH (table_type = 'ICEBERG') AS SELECT i AS id, i * 2 AS twice FROM UNNEST(sequence(1, 5)) AS t(i)",
    );
    await did("CREATE VIEW seen (k, v) COMMENT 'two' AS SELECT id, twice FROM base WHERE id > 2");
    expect(await did('SELECT * FROM seen ORDER BY k')).toEqual([
      ['3', '6'],
      ['4', '8'],
      ['5', '10'],
    ]);
    const { columns, viewText, parameters } = await table('seen');
    expect(columns.map(({ name, type }) => [name, type])).toEqual([
      ['k', 'bigint'],
      ['v', 'bigint'],
    ]);
    expect(viewText).toMatch(/^\/\* Presto View: [A-Za-z0-9+/=]+ \*\/$/);
    expect(parameters.presto_view).toBe('true');
    expect(await failed('CREATE VIEW seen AS SELECT 1 AS a')).toMatch(/^ALREADY_EXISTS: .*OR REPLACE/);
    expect(await failed('CREATE OR REPLACE VIEW seen AS SELECT * FROM seen')).toMatch(/^VIEW_IS_RECURSIVE: /);
    await did('CREATE OR REPLACE VIEW seen AS SELECT count(*) AS n FROM base');
    expect(await did('SELECT * FROM bank.seen')).toEqual([['5']]);
    expect(await text('SHOW VIEWS')).toBe('seen\nvw\nvw2');
    expect(
      (await lake.catalog.openView(lake.root, { database: 'bank', table: 'seen' })).metadata.versions,
    ).toHaveLength(1);
    const reader = await lake.user('viewer');
    await lake.governance.grants.grant(lake.root, {
      principal: reader.principal.arn,
      resource: { kind: 'table', database: 'bank', table: 'seen' },
      permissions: ['SELECT'],
    });
    expect((await run('SELECT * FROM seen', reader)).stateReason).toMatch(/^TABLE_NOT_FOUND: /);
    expect(await failed('DROP TABLE seen')).toMatch(/Write DROP VIEW/);
    await did('DROP VIEW seen');
    await did('DROP VIEW IF EXISTS seen');
  });
});
