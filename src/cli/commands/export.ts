import { resolve } from 'node:path';
import { defineCommand } from 'citty';
import type { TreeExportReport } from '../../storage/contract.ts';
import { clientOf } from '../api-client.ts';
import { dataFlag, orExplain, print } from '../command.ts';
import { dataDirectoryOf, requireServer } from '../server-file.ts';

/** Writes the current objects as plain files. */
export const exportFiles = defineCommand({
  meta: { name: 'export', description: 'Write the current objects as plain files, DIR/<bucket>/<key>' },
  args: {
    ...dataFlag,
    directory: { type: 'positional', required: true, description: 'A directory that does not exist yet' },
    bucket: { type: 'string', description: 'One bucket (default: all)' },
    prefix: { type: 'string', description: 'Only keys that begin so' },
    copy: { type: 'boolean', description: 'Copy the bytes instead of linking the files of the lake' },
  },
  run: ({ args }) =>
    orExplain(async () => {
      const data = dataDirectoryOf(args.data);
      const report = await clientOf(data, requireServer(data)).call<TreeExportReport>('POST', '/api/exports', {
        directory: resolve(args.directory),
        copy: args.copy === true,
        ...(args.bucket === undefined ? {} : { bucket: args.bucket }),
        ...(args.prefix === undefined ? {} : { prefix: args.prefix }),
      });
      print(`${report.files} files, ${report.bytes} bytes in ${report.folder}.`);
      if (args.copy !== true) {
        print(
          'Large ones are the files of the lake by another name (hard links): read them, change only copies (--copy).',
        );
      }
      if (report.leftOut > 0) {
        print(`${report.leftOut} objects cannot be files beside the others: see ${report.folder}/left-out.csv.`);
        process.exitCode = 5;
      }
    }),
});
