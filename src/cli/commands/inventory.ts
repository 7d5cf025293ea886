import { defineCommand } from 'citty';
import { LochError } from '../../core/errors.ts';
import { clientOf } from '../api-client.ts';
import { dataFlag, orExplain, print } from '../command.ts';
import { dataDirectoryOf, requireServer } from '../server-file.ts';
import { renderTable } from '../table.ts';

interface Run {
  readonly bucket: string;
  readonly id: string;
  readonly state: string;
  readonly startedAt: number;
  readonly listed: number;
  readonly files: number;
  readonly manifest?: string;
  readonly failure?: string;
}

/** Inventories: how the last list of each went, or one now. */
export const inventory = defineCommand({
  meta: { name: 'inventory', description: 'Show the last inventory lists of buckets, or write one now' },
  args: {
    ...dataFlag,
    bucket: { type: 'positional', required: false, description: 'Write a list of this bucket now' },
    id: { type: 'positional', required: false, description: 'The inventory configuration of the bucket' },
  },
  run: ({ args }) =>
    orExplain(async () => {
      const data = dataDirectoryOf(args.data);
      const client = clientOf(data, requireServer(data));
      const { bucket, id } = args;
      if (bucket !== undefined && id === undefined) {
        throw new LochError('missing_argument', 'Name the inventory too: `loch inventory BUCKET ID`.');
      }
      const runs =
        bucket === undefined || id === undefined
          ? (await client.call<{ runs: Run[] }>('GET', '/api/inventories')).runs
          : [
              await client.call<Run>(
                'POST',
                `/api/inventories/${encodeURIComponent(bucket)}/${encodeURIComponent(id)}/runs`,
              ),
            ];
      if (runs.length === 0) print('No inventory was written yet.');
      else print(tableOf(runs));
    }),
});

const tableOf = (runs: readonly Run[]): string =>
  renderTable(
    ['bucket', 'inventory', 'state', 'began', 'listed', 'files', 'manifest', 'failure'],
    runs.map(({ bucket, id, state, startedAt, listed, files, manifest, failure }) => [
      ...[bucket, id, state, new Date(startedAt).toISOString(), String(listed), String(files)],
      ...[manifest ?? '', failure ?? ''],
    ]),
  );
