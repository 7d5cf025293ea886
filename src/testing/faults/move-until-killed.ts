/**
 * A program that writes objects to a local store whose cold place is in a second service, and changes their class there and
 * back, until it is killed. It tells `<key> <size> <seed of the bytes>` after each write.
 * Arguments: directory, seed, and where the place is, as JSON.
 */
import { join } from 'node:path';
import { systemClock } from '../../core/clock.ts';
import { Secret } from '../../core/secret.ts';
import { openSqliteStore } from '../../metadata/sqlite/store.ts';
import { openLocalStore, localStoreModule } from '../../storage/stores/local/index.ts';
import { RemoteTier } from '../../storage/stores/s3/remote-tier.ts';
import { DirectoryPlace, lakeIdOf } from '../../storage/index.ts';
import { patterned } from './patterned.ts';
import { seededRandom } from './prng.ts';

const [directory, seed, where] = [process.argv[2]!, Number(process.argv[3]), JSON.parse(process.argv[4]!)];
const random = seededRandom(seed);
const metadata = await openSqliteStore({ file: join(directory, 'metadata.db'), modules: [localStoreModule] });
const store = await openLocalStore({
  store: metadata,
  directory: join(directory, 'objects'),
  clock: systemClock,
  graceMs: 20,
  sweepEveryMs: 10,
  tiers: {
    cold: new RemoteTier({
      ...where,
      secretAccessKey: new Secret(where.secretAccessKey),
      name: 'cold',
      lake: () => lakeIdOf(metadata),
    }),
    restored: new DirectoryPlace('restored', join(directory, 'restored')),
    moveEveryMs: 5,
  },
});
if ((await store.buckets()).length === 0) {
  await store.createBucket('lake', { region: 'us-east-1', ownerAccountId: '000000000000' });
}
process.stdout.write('ready\n');
for (;;) {
  const key = `k${Math.floor(random() * 8)}`;
  const size = Math.floor(random() < 0.3 ? random() * 5000 : 66_000 + random() * 300_000);
  const bytesSeed = Math.floor(random() * 1e9);
  const storageClass = random() < 0.6 ? { attributes: { storageClass: 'STANDARD_IA' } } : {};
  process.stdout.write(`? ${key}\n`);
  await store.put('lake', key, patterned(size, bytesSeed), storageClass);
  process.stdout.write(`${key} ${size} ${bytesSeed}\n`);
  const other = { bucket: 'lake', key: `k${Math.floor(random() * 8)}` };
  await store
    .updateAttributes(other, { storageClass: random() < 0.5 ? 'STANDARD_IA' : null })
    .catch((error: { code?: string }) => {
      if (error.code !== 'object_not_found') throw error;
    });
}
