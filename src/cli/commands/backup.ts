import { resolve } from 'node:path';
import { defineCommand } from 'citty';
import { listPoints } from '../../operations/backup/points/point-file.ts';
import type { BackupPoint, BackupReport } from '../../operations/contract.ts';
import { clientOf } from '../api-client.ts';
import { dataFlag, orExplain, print } from '../command.ts';
import { dataDirectoryOf, requireServer } from '../server-file.ts';
import { renderTable } from '../table.ts';

/** Has the running server write one consistent copy of everything to a new directory, or a point to a repository. */
export const backup = defineCommand({
  meta: { name: 'backup', description: 'Copy metadata, objects and undelivered records to DIR while running' },
  args: {
    ...dataFlag,
    directory: { type: 'positional', required: true, description: 'A directory that does not exist yet; a repository' },
    incremental: { type: 'boolean', description: 'Add a point to the repository DIR: only what is new is written' },
    list: { type: 'boolean', description: 'Show the points of the repository DIR' },
  },
  run: ({ args }) =>
    orExplain(async () => {
      const directory = resolve(args.directory);
      if (args.list) {
        print(pointTable(await listPoints(directory)));
        return;
      }
      const data = dataDirectoryOf(args.data);
      const client = clientOf(data, requireServer(data));
      if (args.incremental) {
        const point = await client.call<BackupPoint>('POST', '/api/backups', { directory, incremental: true });
        print(
          `Point ${point.id} in ${directory}: ${point.files} files, ${point.bytes} bytes, of which ${point.added} are new.`,
        );
      } else {
        const report = await client.call<BackupReport>('POST', '/api/backups', { directory });
        print(
          `Backup in ${report.directory}: ${report.objects} files, ${report.bytes} bytes, metadata ${report.metadataBytes} bytes.`,
        );
      }
      print('It holds the keys of the lake (keys/): keep it as safe as the lake itself.');
    }),
});

const pointTable = (points: readonly BackupPoint[]): string =>
  renderTable(
    ['point', 'taken', 'files', 'bytes', 'new bytes'],
    points.map(({ id, takenAt, files, bytes, added }) => [id, takenAt, String(files), String(bytes), String(added)]),
  );
