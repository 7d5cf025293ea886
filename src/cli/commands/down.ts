import { defineCommand } from 'citty';
import { dataFlag, orExplain, print } from '../command.ts';
import { dataDirectoryOf, isAlive, requireServer } from '../server-file.ts';

const PATIENCE_MS = 30_000;

/** Asks the server to finish or hand back its work and stop; waits until it has. */
export const down = defineCommand({
  meta: { name: 'down', description: 'Stop the server of a data directory' },
  args: dataFlag,
  run: ({ args }) =>
    orExplain(async () => {
      const { pid } = requireServer(dataDirectoryOf(args.data));
      process.kill(pid, 'SIGTERM');
      const end = Date.now() + PATIENCE_MS;
      while (isAlive(pid) && Date.now() < end) await new Promise((wake) => setTimeout(wake, 50));
      if (isAlive(pid)) {
        throw new Error(
          `Process ${pid} has not stopped within ${PATIENCE_MS / 1000} s. What it does stands in \`loch logs\`; \`kill -9 ${pid}\` is safe: acknowledged work survives it.`,
        );
      }
      print(`Stopped (process ${pid}).`);
    }),
});
