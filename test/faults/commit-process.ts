/** A process to be killed: commits runs to one table and prints each number once it is acknowledged. */
import { writeSync } from 'node:fs';
import { contextOf } from '../../src/testing/builders/request-context.ts';
import { fileOfRun, openCommitLake, TABLE } from './commit-lake.ts';

const { catalog } = await openCommitLake(process.argv[2]!);
let next = Number(process.argv[3]);
await Promise.all(
  Array.from({ length: 3 }, async () => {
    for (;;) {
      const run = next++;
      const change = { kind: 'append', files: [fileOfRun(run)] } as const;
      await catalog.commitTable(contextOf('root'), TABLE, change, { runId: `run-${run}` });
      writeSync(1, `${run}\n`);
    }
  }),
);
