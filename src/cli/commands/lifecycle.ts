import { defineCommand } from 'citty';
import { clientOf } from '../api-client.ts';
import { dataFlag, orExplain, print } from '../command.ts';
import { dataDirectoryOf, requireServer } from '../server-file.ts';
import { renderTable } from '../table.ts';

interface Run {
  readonly bucket: string;
  readonly state: string;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly failure?: string;
}

/** Passes of lifecycle rules: how the last of each bucket went, or one now. */
export const lifecycle = defineCommand({
  meta: { name: 'lifecycle', description: 'Show the last passes of lifecycle rules, or run those of a bucket now' },
  args: {
    ...dataFlag,
    bucket: { type: 'positional', required: false, description: 'Run the rules of this bucket now' },
  },
  run: ({ args }) =>
    orExplain(async () => {
      const data = dataDirectoryOf(args.data);
      const client = clientOf(data, requireServer(data));
      const runs =
        args.bucket === undefined
          ? (await client.call<{ runs: Run[] }>('GET', '/api/lifecycle')).runs
          : [await client.call<Run>('POST', `/api/lifecycle/${encodeURIComponent(args.bucket)}/runs`)];
      if (runs.length === 0) print('No bucket has had a pass of lifecycle rules yet.');
      else print(tableOf(runs));
    }),
});

const tableOf = (runs: readonly Run[]): string =>
  renderTable(
    ['bucket', 'state', 'began', 'seen', 'expired', 'removed', 'moved', 'aborted', 'kept', 'failure'],
    runs.map(({ bucket, state, startedAt, counts, failure }) => [
      bucket,
      state,
      new Date(startedAt).toISOString(),
      ...['seen', 'expired', 'removed', 'moved', 'aborted', 'kept'].map((name) => String(counts[name] ?? 0)),
      failure ?? '',
    ]),
  );
