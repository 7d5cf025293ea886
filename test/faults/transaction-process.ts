/** A process to be killed: moves three tables from number to number in transactions, and prints each that is acknowledged. */
import { writeSync } from 'node:fs';
import { contextOf } from '../../src/testing/builders/request-context.ts';
import { openCommitLake } from './commit-lake.ts';

const { catalog } = await openCommitLake(process.argv[2]!);
const root = contextOf('root');
for (let n = Number(process.argv[3]); ; n++) {
  const updates = [{ action: 'set-properties', updates: { n: String(n) } }];
  const changes = ['a', 'b', 'c'].map((table) => ({ name: { database: 'lake', table }, requirements: [], updates }));
  const keyed = catalog.withKey(root, `key-${n}`, `fingerprint-${n}`);
  await catalog.commitTransaction(keyed, changes);
  writeSync(1, `${n}\n`);
}
