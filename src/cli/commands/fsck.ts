import { join } from 'node:path';
import { defineCommand } from 'citty';
import { systemClock } from '../../core/clock.ts';
import { openSqliteStore } from '../../metadata/sqlite/store.ts';
import { loadConfig } from '../../platform/config.ts';
import { openDataDirectory } from '../../platform/data-directory.ts';
import { tierOptions } from '../../platform/tiers.ts';
import { type FsckReport, fsckLocalStore, localStoreModule } from '../../storage/stores/local/index.ts';
import { dataFlag, orExplain, print } from '../command.ts';
import { dataDirectoryOf } from '../server-file.ts';

const SHOWN = 100;

/** Compares the objects of a stopped lake with what its metadata says of them. */
export const fsck = defineCommand({
  meta: { name: 'fsck', description: 'Check every object of a stopped lake against its metadata' },
  args: {
    ...dataFlag,
    repair: { type: 'boolean', description: 'Mend what another place still holds; move aside what nothing names' },
    quick: { type: 'boolean', description: 'Look whether bytes are there, without reading all of them' },
  },
  run: ({ args }) =>
    orExplain(async () => {
      const data = openDataDirectory(dataDirectoryOf(args.data));
      try {
        const store = await openSqliteStore({ file: data.metadataFile, modules: [localStoreModule] });
        try {
          const config = loadConfig({ env: process.env });
          const tiers = await tierOptions({ store, data, config, warn: print });
          const report = await fsckLocalStore(
            {
              store,
              directory: data.objectsDirectory,
              clock: systemClock,
              tiers,
              lostAndFound: join(data.path, 'lost+found'),
            },
            { repair: args.repair === true, quick: args.quick === true },
          );
          tell(report, args.repair === true, data.path);
        } finally {
          await store.close();
        }
      } finally {
        data.release();
      }
    }),
});

function tell({ versions, bytes, sealed, findings }: FsckReport, repair: boolean, data: string): void {
  for (const { kind, what, detail, repaired } of findings.slice(0, SHOWN)) {
    print(`${repaired ? 'mended' : kind.padEnd(11)} ${what}: ${detail}`);
  }
  if (findings.length > SHOWN) print(`… and ${findings.length - SHOWN} more`);
  const left = findings.filter(({ repaired }) => !repaired);
  const count = (...kinds: string[]) => left.filter(({ kind }) => kinds.includes(kind)).length;
  print(
    `${versions} versions with ${bytes} bytes were looked at${sealed > 0 ? `; ${sealed} encrypted ones only for being there` : ''}`,
  );
  if (left.length === 0) {
    print(findings.length === 0 ? 'Everything is as it was acknowledged.' : 'All findings are mended.');
    return;
  }
  process.exitCode = 1;
  const lost = count('corrupt', 'missing', 'database');
  if (count('unavailable') > 0) print('Next: attach the disks named above, then run `loch fsck` again.');
  if (!repair) {
    print(`Next: \`loch fsck --repair --data ${data}\` mends what it can and moves aside what nothing names.`);
  } else if (lost > 0) {
    print(`Next: ${lost} findings need a backup: \`loch restore\`. Until then reads of them fail with their name.`);
  }
}
