/**
 * A program that writes objects to a local store and tells each acknowledgement on standard output, until it is killed.
 * Arguments: directory, seed. In the bucket `lake`, which keeps no versions, a line is `? <key>` before a change and
 * `<key> <size> <seed of the bytes>`, or `- <key>` for a delete, after it. In the bucket `kept`, which does, it is
 * `v <key> <version> <size> <seed>` after a write, `m <key> <version>` after a delete, and `?x <version>` before and
 * `x <version>` after the removal of a version.
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
if (buckets.length === 0) {
  const settings = { region: 'us-east-1', ownerAccountId: '000000000000' };
  await store.createBucket('lake', settings);
  await store.createBucket('kept', settings);
}
await store.setVersioning('kept', 'Enabled');
process.stdout.write('ready\n');

function someBytes() {
  const size = 1 + Math.floor(random() < 0.6 ? random() * 5000 : 66_000 + random() * 200_000);
  const bytesSeed = Math.floor(random() * 1e9);
  return { size, bytesSeed, bytes: patterned(size, bytesSeed) };
}

/** An upload of two parts that come at once, completed. */
async function upload(bucket: string, key: string, bytes: Buffer) {
  const begun = await store.createUpload(bucket, key);
  const cut = Math.ceil(bytes.length / 2);
  const parts = await Promise.all([
    store.putPart(begun, 1, bytes.subarray(0, cut)),
    store.putPart(begun, 2, bytes.subarray(cut)),
  ]);
  return store.completeUpload(begun, parts);
}

/** Keeps versions: writes, marks as deleted, and removes versions for good. */
async function keeper(name: string): Promise<never> {
  for (;;) {
    const key = `${name}/${Math.floor(random() * 4)}`;
    const way = random();
    if (way < 0.3) {
      const { versions } = await store.listVersions('kept', { prefix: key });
      const version = versions[Math.floor(random() * versions.length)];
      if (version === undefined) continue;
      process.stdout.write(`?x ${version.versionId}\n`);
      await store.delete('kept', version.key, { versionId: version.versionId });
      process.stdout.write(`x ${version.versionId}\n`);
    } else if (way < 0.4) {
      const { versionId } = await store.delete('kept', key);
      process.stdout.write(`m ${key} ${versionId}\n`);
    } else {
      const { size, bytesSeed, bytes } = someBytes();
      const head = way < 0.6 ? await upload('kept', key, bytes) : await store.put('kept', key, bytes);
      process.stdout.write(`v ${key} ${head.versionId} ${size} ${bytesSeed}\n`);
    }
  }
}

async function writer(name: string): Promise<never> {
  for (;;) {
    const key = `${name}/${Math.floor(random() * 12)}`;
    const { size, bytesSeed, bytes } = someBytes();
    const way = random();
    process.stdout.write(`? ${key}\n`);
    if (way < 0.1) {
      await store.delete('lake', key);
      process.stdout.write(`- ${key}\n`);
      continue;
    }
    if (way < 0.3) {
      await upload('lake', key, bytes);
    } else {
      await store.put('lake', key, bytes);
    }
    process.stdout.write(`${key} ${size} ${bytesSeed}\n`);
  }
}

await Promise.all([...['a', 'b', 'c', 'd'].map(writer), ...['a', 'b'].map(keeper)]);
