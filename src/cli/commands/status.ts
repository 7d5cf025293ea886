import { defineCommand } from 'citty';
import type { Health } from '../../core/lifecycle.ts';
import { clientOf } from '../api-client.ts';
import { dataFlag, orExplain, print } from '../command.ts';
import { dataDirectoryOf, runningServer } from '../server-file.ts';

/** Whether the server runs, where it listens, and how each of its parts is. */
export const status = defineCommand({
  meta: { name: 'status', description: 'Show whether the server runs and how its parts are' },
  args: dataFlag,
  run: ({ args }) =>
    orExplain(async () => {
      const data = dataDirectoryOf(args.data);
      const server = runningServer(data);
      print(`data directory  ${data}`);
      if (server === undefined) {
        print(`state           stopped (start it with \`loch up --data ${data}\`)`);
        process.exitCode = 3; // as LSB's "program is not running"
        return;
      }
      print(`state           running (process ${server.pid}, since ${server.startedAt})`);
      print(`AWS endpoint    ${server.awsUrl}  (region ${server.region}, account ${server.accountId})`);
      print(`console         ${server.consoleUrl}`);
      if (server.publicAwsUrl !== undefined) print(`for others      ${server.publicAwsUrl}`);
      if (server.tls !== undefined)
        print(`${server.tls.pinned ? 'certificate' : 'trust'.padEnd(11)}     ${server.tls.file}`);
      const { answer } = await clientOf(data, server).look('/healthz');
      const health = JSON.parse(answer) as { ok: boolean; parts: Health[] };
      for (const part of health.parts) print(`${part.ok ? 'ok  ' : 'FAIL'} ${part.name.padEnd(11)}${part.detail}`);
      if (!health.ok) process.exitCode = 1;
    }),
});
