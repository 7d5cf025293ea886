/** A process to be killed: writes counters and prints each number once it is acknowledged. */
import { writeSync } from 'node:fs';
import { openSqliteStore } from '../../src/metadata/sqlite/store.ts';
import counterStore, { counterStoreModule } from '../../src/testing/suites/counter-store.ts';

const store = await openSqliteStore({ file: process.argv[2]!, modules: [counterStoreModule] });
let next = Number(process.argv[3]);
await Promise.all(
  Array.from({ length: 8 }, async () => {
    for (;;) {
      const number = next++;
      await store.write(counterStore.procedures.add, { name: `n${number}`, by: number });
      writeSync(1, `${number}\n`);
    }
  }),
);
