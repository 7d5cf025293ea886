import { defineCommand } from 'citty';
import { dataFlag, orExplain, print } from '../command.ts';
import { dataDirectoryOf, requireServer, rootKeyOf } from '../server-file.ts';

/** Prints what AWS SDKs and the AWS CLI read from the environment, for `eval "$(loch env)"`. */
export const env = defineCommand({
  meta: { name: 'env', description: 'Print the root keys, endpoint and region as shell variables' },
  args: dataFlag,
  run: ({ args }) =>
    orExplain(async () => {
      const data = dataDirectoryOf(args.data);
      const server = requireServer(data);
      const key = rootKeyOf(data);
      print(`export AWS_ACCESS_KEY_ID=${key.accessKeyId}`);
      print(`export AWS_SECRET_ACCESS_KEY=${key.secretAccessKey}`);
      print(`export AWS_DEFAULT_REGION=${server.region}`);
      print(`export AWS_REGION=${server.region}`);
      print(`export AWS_ENDPOINT_URL=${server.publicAwsUrl ?? server.awsUrl}`);
      if (server.tls === undefined || server.tls.pinned) return;
      const file = quoted(server.tls.file);
      print(`export AWS_CA_BUNDLE=${file}`);
      print(`export NODE_EXTRA_CA_CERTS=${file}`); // what the SDK for JavaScript reads
    }),
});

/** A path as one word of a shell. */
const quoted = (path: string): string =>
  /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;
