/** A statement runner for tests of this layer: the real engine over the catalog's real files, without gate and policy. */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Catalog } from '../../catalog/contract.ts';
import { objectScanSql } from '../../consumption/queries/object-scan.ts';
import type { Engine } from '../../engines/contract.ts';
import type { ObjectStore } from '../../storage/contract.ts';
import type { StatementRunner } from '../../processing/contract.ts';
import { sqlName, sqlText } from '../../processing/jobs/sql-text.ts';

export function testRunner(engine: Engine, catalog: Catalog, objects: ObjectStore, folder: string): StatementRunner {
  return {
    async run(context, request, signal) {
      const work = await mkdtemp(join(folder, 'run-'));
      try {
        const preamble: string[] = [];
        const inputs: string[] = [];
        const tables = [];
        for (const input of request.objects ?? []) {
          const files = await objects.openFiles(input.objects, await mkdtemp(join(work, 'in-')));
          inputs.push(...files);
          preamble.push(`CREATE VIEW ${sqlName(input.name)} AS ${objectScanSql(input, files)}`);
        }
        for (const { name, files } of request.stages ?? []) {
          inputs.push(...files);
          preamble.push(
            `CREATE VIEW ${sqlName(name)} AS SELECT * FROM read_parquet([${files.map(sqlText).join(', ')}], hive_partitioning = false)`,
          );
        }
        for (const [text, database, table] of request.sql.matchAll(/"?(\w+)"?\."(\w+)"/g)) {
          if (preamble.some((statement) => statement.includes(` VIEW ${text} `))) continue;
          const name = { database: database!, table: table! };
          const resolved = await catalog.resolveTable(context, name).catch(() => undefined);
          if (resolved?.metadata === undefined) continue;
          const scan = await catalog.planTableScan(resolved, {});
          const files = await objects.openFiles(scan.files, await mkdtemp(join(work, 'in-')));
          inputs.push(...files);
          const schema = resolved.metadata.schemas.find(
            (s) => s['schema-id'] === resolved.metadata!['current-schema-id'],
          )!;
          const columns = schema.fields.map((field) => sqlName(field.name)).join(', ');
          const nothing = schema.fields.map(
            (field) => `CAST(NULL AS ${sqlType(String(field.type))}) AS ${sqlName(field.name)}`,
          );
          preamble.push(
            `CREATE SCHEMA IF NOT EXISTS ${sqlName(database!)}`,
            files.length === 0
              ? `CREATE VIEW ${text} AS SELECT ${nothing.join(', ')} WHERE false`
              : `CREATE VIEW ${text} AS SELECT ${columns} FROM read_parquet([${files.map(sqlText).join(', ')}], hive_partitioning = false, union_by_name = true)`,
          );
          const { snapshotId } = scan;
          tables.push({ name, columns: [], ...(snapshotId === undefined ? {} : { snapshotId }) });
        }
        const { sql, result } = request;
        const outcome = await engine.execute({ sql, inputs, preamble, result, settings: { TimeZone: 'UTC' } }, signal);
        return { ...outcome, tables, bytesScanned: 0, planMs: 0 };
      } finally {
        await rm(work, { recursive: true, force: true });
      }
    },
  };
}

const sqlType = (type: string): string => ({ string: 'VARCHAR', long: 'BIGINT', int: 'INTEGER' })[type] ?? type;
