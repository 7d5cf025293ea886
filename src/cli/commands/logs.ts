import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { defineCommand } from 'citty';
import { LochError } from '../../core/errors.ts';
import { dataFlag, orExplain, print } from '../command.ts';
import { clientOf } from '../api-client.ts';
import { dataDirectoryOf, requireServer } from '../server-file.ts';

const TAIL_BYTES = 64 * 1024;
const FOLLOW_MS = 200;

/** The log, its end as it grows, or everything that is known of one request id. */
export const logs = defineCommand({
  meta: { name: 'logs', description: 'Show the log; with a request id, explain that request' },
  args: {
    ...dataFlag,
    id: { type: 'positional', required: false, description: 'A request id, as it stands in an error' },
    follow: { type: 'boolean', alias: 'f', description: 'Go on printing as the log grows' },
  },
  run: ({ args }) =>
    orExplain(async () => {
      const data = dataDirectoryOf(args.data);
      if (args.id) {
        const told = await clientOf(data, requireServer(data)).call<unknown>(
          'GET',
          `/api/requests/${encodeURIComponent(args.id)}`,
        );
        print(JSON.stringify(told, null, 2));
        return;
      }
      const file = join(data, 'logs', 'loch.log');
      if (!existsSync(file))
        throw new LochError('not_found', `There is no log at ${file} yet. Start Loch with \`loch up --data ${data}\`.`);
      await printFrom(file, Math.max(0, statSync(file).size - TAIL_BYTES), args.follow === true);
    }),
});

async function printFrom(file: string, start: number, follow: boolean): Promise<void> {
  const descriptor = openSync(file, 'r');
  const buffer = Buffer.alloc(TAIL_BYTES);
  let at = start;
  let skipPartLine = start > 0;
  try {
    for (;;) {
      const bytes = readSync(descriptor, buffer, 0, buffer.length, at);
      if (bytes > 0) {
        let text = buffer.toString('utf8', 0, bytes);
        if (skipPartLine) text = text.slice(text.indexOf('\n') + 1);
        skipPartLine = false;
        process.stdout.write(text);
        at += bytes;
      } else if (follow) await sleep(FOLLOW_MS);
      else return;
    }
  } finally {
    closeSync(descriptor);
  }
}
