import { defineCommand } from 'citty';
import { clientOf } from '../api-client.ts';
import { dataFlag, orExplain, print } from '../command.ts';
import { dataDirectoryOf, requireServer } from '../server-file.ts';

/** Makes a one-time link that signs its bearer in to the console as root. */
export const consoleLink = defineCommand({
  meta: { name: 'console', description: 'Print a one-time link to the console (valid for 30 minutes)' },
  args: dataFlag,
  run: ({ args }) =>
    orExplain(async () => {
      const data = dataDirectoryOf(args.data);
      const { url } = await clientOf(data, requireServer(data)).call<{ url: string }>('POST', '/api/session/links');
      print(url);
    }),
});
