/**
 * A program that writes objects to a local store and tells each acknowledgement on standard output, until it is killed.
 * Arguments: directory, seed. A line is `<key> <size> <seed of the bytes>`, or `- <key>` for a delete.
 */
import { join } from 'node:path';
import { systemClock } from '../../core/clock.ts';
import { openSqliteStore } from '../../metadata/sqlite/store.ts';
import { localStoreModule, openLocalStore } from '../../storage/stores/local/index.ts';
import { patterned } from './patterned.ts';
import { seededRandom } from './prng.ts';

const [directory, seed] = [process.argv[2]!, Number(process.argv[3])];
const random = seededRandom(seed);
const metadata = await openSqliteStore({ file: join(directory, 'metadata.db'), modules: [localStoreModule] });
const store = await openLocalStore({
  store: metadata,
  directory: join(directory, 'objects'),
  clock: systemClock,
  minPartBytes: 1,
  segmentRollBytes: 200_000,
  graceMs: 20,
  sweepEveryMs: 10,
});
const buckets = await store.buckets();
if (buckets.length === 0) await store.createBucket('lake', { region: 'us-east-1', ownerAccountId: '000000000000' });
process.stdout.write('ready\n');

async function writer(name: string): Promise<never> {
  for (;;) {
    const key = `${name}/${Math.floor(random() * 12)}`;
    const size = Math.floor(random() < 0.6 ? random() * 5000 : 66_000 + random() * 200_000);
    const bytesSeed = Math.floor(random() * 1e9);
    const bytes = patterned(size, bytesSeed);
    const way = random();
    process.stdout.write(`? ${key}\n`);
    if (way < 0.1) {
      await store.delete('lake', key);
      process.stdout.write(`- ${key}\n`);
      continue;
    }
    if (way < 0.3) {
      const upload = await store.createUpload('lake', key);
      const cut = Math.floor(size / 2);
      const parts = await Promise.all([
        store.putPart(upload, 1, bytes.subarray(0, cut)),
        store.putPart(upload, 2, bytes.subarray(cut)),
      ]);
      await store.completeUpload(upload, parts);
    } else {
      await store.put('lake', key, bytes);
    }
    process.stdout.write(`${key} ${size} ${bytesSeed}\n`);
  }
}

await Promise.all(['a', 'b', 'c', 'd'].map(writer));
