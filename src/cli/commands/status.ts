import { defineCommand } from 'citty';
import type { Health } from '../../core/lifecycle.ts';
import { clientOf } from '../api-client.ts';
import { dataFlag, orExplain, print } from '../command.ts';
import { dataDirectoryOf, requireServer, runningServer } from '../server-file.ts';
import { renderTable } from '../table.ts';
import type { ScrubStatus, TiersStatus } from '../../storage/contract.ts';
import { LochError } from '../../core/errors.ts';

/** Whether the server runs, where it listens, and how each of its parts is. */
export const status = defineCommand({
  meta: { name: 'status', description: 'Show whether the server runs and how its parts are' },
  args: {
    ...dataFlag,
    what: {
      type: 'positional',
      required: false,
      description: '`tiers`: where classes of objects lie; `scrub`: what is damaged',
    },
  },
  run: ({ args }) =>
    orExplain(async () => {
      const data = dataDirectoryOf(args.data);
      if (args.what !== undefined) return statusOf(args.what, data);
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

async function statusOf(what: string, data: string): Promise<void> {
  if (what !== 'tiers' && what !== 'scrub') {
    throw new LochError('invalid_argument', `There is no status of \`${what}\`. Known: tiers, scrub.`);
  }
  const client = clientOf(data, requireServer(data));
  if (what === 'scrub') return tellScrub(await client.call<ScrubStatus>('GET', '/api/scrub'));
  const { tiers, waiting, failure, restoring, restored } = await client.call<TiersStatus>('GET', '/api/tiers');
  const rows = tiers.map((tier) => [
    tier.name,
    tier.ok ? 'ok' : 'FAIL',
    tier.storageClasses.join(' '),
    String(tier.versions ?? ''),
    String(tier.bytes ?? ''),
    tier.latency,
    tier.detail,
  ]);
  print(renderTable(['tier', 'state', 'classes', 'versions', 'bytes', 'first byte', 'place'], rows));
  print(`${waiting} versions wait to be moved; ${restoring} are being restored, ${restored} are restored`);
  if (failure !== undefined) print(`the last move that failed: ${failure}`);
  if (tiers.some(({ ok }) => !ok)) process.exitCode = 1;
}

function tellScrub({ state, versions, bytes, sealed, lastEndedAt, damages }: ScrubStatus): void {
  const last =
    lastEndedAt === undefined
      ? 'no round has ended yet'
      : `last full round ended ${new Date(lastEndedAt).toISOString()}`;
  print(`scrub ${state}: ${versions} versions with ${bytes} bytes read in this round (${sealed} encrypted); ${last}`);
  for (const { kind, bucket, key, versionId, detail } of damages) {
    print(`${kind.padEnd(8)} s3://${bucket}/${key} (version ${versionId}): ${detail}`);
  }
  if (damages.length === 0) return;
  print('Next: restore these objects from a backup, or delete them; reads of them fail with their name until then.');
  process.exitCode = 1;
}
