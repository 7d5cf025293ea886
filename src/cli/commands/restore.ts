import { resolve } from 'node:path';
import { defineCommand } from 'citty';
import { restoreBackup } from '../../operations/backup/restore-backup.ts';
import { dataFlag, orExplain, print } from '../command.ts';
import { dataDirectoryOf } from '../server-file.ts';

/** Makes a new data directory from a backup. The server must not be running on it. */
export const restore = defineCommand({
  meta: { name: 'restore', description: 'Make a new data directory from the backup in DIR' },
  args: {
    ...dataFlag,
    directory: { type: 'positional', required: true, description: 'A directory written by loch backup' },
    point: { type: 'string', description: 'A point of a repository (default: the newest; see loch backup DIR --list)' },
    replace: {
      type: 'boolean',
      description: 'Put a data directory that is there aside, after everything was verified',
    },
  },
  run: ({ args }) =>
    orExplain(async () => {
      const data = dataDirectoryOf(args.data);
      const report = await restoreBackup(resolve(args.directory), data, {
        ...(args.point === undefined ? {} : { point: args.point }),
        replace: args.replace === true,
      });
      print(
        `Restored ${report.objects} files, ${report.bytes} bytes to ${data}. Start it with \`loch up --data ${data}\`.`,
      );
      if (report.replaced !== undefined) print(`What was there before is in ${report.replaced}.`);
    }),
});
