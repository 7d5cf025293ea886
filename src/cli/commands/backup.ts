import { resolve } from 'node:path';
import { defineCommand } from 'citty';
import type { BackupReport } from '../../operations/contract.ts';
import { clientOf } from '../api-client.ts';
import { dataFlag, orExplain, print } from '../command.ts';
import { dataDirectoryOf, requireServer } from '../server-file.ts';

/** Has the running server write one consistent copy of everything to a new directory. */
export const backup = defineCommand({
  meta: { name: 'backup', description: 'Copy metadata, objects and undelivered records to DIR while running' },
  args: {
    ...dataFlag,
    directory: { type: 'positional', required: true, description: 'A directory that does not exist yet' },
  },
  run: ({ args }) =>
    orExplain(async () => {
      const data = dataDirectoryOf(args.data);
      const report = await clientOf(data, requireServer(data)).call<BackupReport>('POST', '/api/backups', {
        directory: resolve(args.directory),
      });
      print(
        `Backup in ${report.directory}: ${report.objects} files, ${report.bytes} bytes, metadata ${report.metadataBytes} bytes.`,
      );
      print('It holds the keys of the lake (keys/): keep it as safe as the lake itself.');
    }),
});
