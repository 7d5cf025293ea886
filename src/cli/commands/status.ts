import { defineCommand } from 'citty';
import type { Health } from '../../core/lifecycle.ts';
import { clientOf } from '../api-client.ts';
import { dataFlag, orExplain, print } from '../command.ts';
import { dataDirectoryOf, requireServer, runningServer } from '../server-file.ts';
import { renderTable } from '../table.ts';
import type { DurabilityReport, ScrubStatus, TiersStatus } from '../../storage/contract.ts';
import { LochError } from '../../core/errors.ts';

/** Whether the server runs, where it listens, and how each of its parts is. */
export const status = defineCommand({
  meta: { name: 'status', description: 'Show whether the server runs and how its parts are' },
  args: {
    ...dataFlag,
    what: {
      type: 'positional',
      required: false,
      description:
        '`tiers`: where classes of objects lie; `scrub`: what is damaged; `durability`: what keeps bytes from being lost',
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
  if (what !== 'tiers' && what !== 'scrub' && what !== 'durability') {
    throw new LochError('invalid_argument', `There is no status of \`${what}\`. Known: tiers, scrub, durability.`);
  }
  const client = clientOf(data, requireServer(data));
  if (what === 'scrub') return tellScrub(await client.call<ScrubStatus>('GET', '/api/scrub'));
  if (what === 'durability') return tellDurability(await client.call<DurabilityReport>('GET', '/api/durability'));
  const { tiers, waiting, failure, restoring, restored } = await client.call<TiersStatus>('GET', '/api/tiers');
  const rows = tiers.map((tier) => [
    tier.name,
    tier.ok ? 'ok' : 'FAIL',
    tier.storageClasses.join(' '),
    String(tier.versions ?? ''),
    String(tier.bytes ?? ''),
    `${tier.copies} on ${tier.medium === 'disk' ? 'a disk' : 'a service'}`,
    tier.latency,
    tier.detail,
  ]);
  print(renderTable(['tier', 'state', 'classes', 'versions', 'bytes', 'copies', 'first byte', 'place'], rows));
  print(`${waiting} versions wait to be moved; ${restoring} are being restored, ${restored} are restored`);
  if (failure !== undefined) print(`the last move that failed: ${failure}`);
  if (tiers.some(({ ok }) => !ok)) process.exitCode = 1;
}

function tellDurability({ places, damagedVersions, lastScrubAt }: DurabilityReport): void {
  const rows = places.map((place) => [
    place.name,
    place.state,
    place.medium,
    String(place.copies),
    String(place.tolerates),
    String(place.versions ?? 'not counted'),
    String(place.bytes ?? 'not counted'),
    place.model === undefined ? '-' : `${(place.model.yearlyLoss * 100).toPrecision(3)} %`,
    place.location,
  ]);
  print(renderTable(['place', 'state', 'on', 'copies', 'may lose', 'versions', 'bytes', 'yearly loss', 'where'], rows));
  for (const { name, why } of places) for (const reason of why) print(`${name}: ${reason}`);
  const scrubbed = lastScrubAt === undefined ? 'never' : new Date(lastScrubAt).toISOString();
  print(`last full scrub: ${scrubbed}; damaged versions: ${damagedVersions}`);
  const inputs = places.find(({ model }) => model !== undefined)?.model?.inputs;
  if (inputs !== undefined) {
    const { diskFailuresPerYear, bitsPerUnreadable, fullReadsPerYear } = inputs;
    print(
      `The yearly loss is the modelled chance to lose something of a place within a year: ${diskFailuresPerYear * 100} % of disks fail (\`storage.disk_failures_percent\`), one of ${bitsPerUnreadable} bits read cannot be read, all bytes are read ${fullReadsPerYear.toFixed(0)} times. It knows nothing of fires and mistakes: keep backups elsewhere.`,
    );
  }
  if (places.some(({ medium, bytes }) => medium === 'disk' && bytes === undefined)) {
    print('Bytes of the hot place are counted once a day, and by the button beside the figures in the console.');
  }
  if (places.some(({ medium }) => medium === 'service')) {
    print('What another service keeps of each version is its operator’s to say; Loch counts it as one copy.');
  }
  if (places.some(({ state }) => state === 'red')) process.exitCode = 1;
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
