/** Appends small files to a table and compacts it, over and over, until killed. Prints the rows it has acknowledged. */
import { join } from 'node:path';
import { isLochError } from '../../src/core/errors.ts';
import { newId } from '../../src/core/ids.ts';
import { parseS3Uri } from '../../src/storage/contract.ts';
import { openTestProcessing } from '../../src/testing/builders/test-processing.ts';

const folder = process.argv[2]!;
const lake = await openTestProcessing({ folder });
const table = { database: 'd', table: 'events' };
const unlessThere = (error: unknown) => {
  if (!isLochError(error, 'already_exists')) throw error;
};
await lake.catalog.createDatabase(lake.root, { name: 'd', locationUri: 's3://lake/d/' }).catch(unlessThere);
await lake.catalog
  .createIcebergTable(lake.root, {
    database: 'd',
    name: 'events',
    columns: [
      { name: 'id', type: 'bigint' },
      { name: 'part', type: 'string' },
    ],
    partition: [{ column: 'part', transform: 'identity' }],
  })
  .catch(unlessThere);

async function append(from: number, rows: number): Promise<void> {
  const { metadata } = await lake.catalog.resolveTable(lake.root, table);
  const layout = lake.tables.writeLayout(metadata!);
  const { files } = await lake.engine.execute(
    {
      sql: layout.select(`SELECT range AS id, 'p' || (range % 2) AS part FROM range(${from}, ${from + rows})`),
      preamble: layout.preamble,
      inputs: [],
      result: {
        kind: 'parquet',
        directory: join(folder, 'made', newId()),
        fieldIds: layout.fieldIds,
        partitionBy: layout.partitionBy,
        partitionColumnsInFiles: false,
      },
    },
    lake.root.signal,
  );
  const { bucket, key } = parseS3Uri(metadata!.location);
  const added = [];
  for (const file of files) {
    const name = `${key}/data/append-${newId()}.parquet`;
    await lake.objects.put(bucket, name, { adoptFile: file.path });
    added.push(lake.tables.dataFile(metadata!, file, `s3://${bucket}/${name}`));
  }
  await lake.catalog.commitTable(lake.root, table, { kind: 'append', files: added });
}

const [[count]] = (await lake.rows('SELECT count(*) FROM d.events')) as [[string]];
let next = Number(count);
process.stdout.write(`rows ${next}\n`);
for (;;) {
  for (let i = 0; i < 4; i++) {
    await append(next, 10);
    next += 10;
    process.stdout.write(`rows ${next}\n`);
  }
  // A run that a kill left is taken on by the start itself.
  await lake.maintenance
    .runNow(lake.root, table, 'compaction', { compaction: { minFiles: 2 } })
    .then((run) => lake.maintenance.wait(run.id, lake.root.signal))
    .catch((error: unknown) => {
      if (!isLochError(error, 'concurrent_run')) throw error;
    });
}
