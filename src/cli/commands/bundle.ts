import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { defineCommand } from 'citty';
import { LochError } from '../../core/errors.ts';
import type { BundleExportReport, BundleImportReport } from '../../storage/contract.ts';
import { clientOf } from '../api-client.ts';
import { dataFlag, orExplain, print } from '../command.ts';
import { dataDirectoryOf, requireServer } from '../server-file.ts';

const PASSPHRASE = 'LOCH_BUNDLE_PASSPHRASE';
const MIB = 1024 * 1024;

const secretFlags = {
  'key-file': { type: 'string', description: 'A file whose bytes open the bundle' },
  passphrase: { type: 'boolean', description: `Ask for a passphrase (or take it from $${PASSPHRASE})` },
} as const;

const exportCommand = defineCommand({
  meta: { name: 'export', description: 'Write objects with their versions to encrypted volumes in DIR' },
  args: {
    ...dataFlag,
    directory: { type: 'positional', required: true, description: 'A new folder, or one whose export was cut short' },
    bucket: { type: 'string', required: true, description: 'The bucket' },
    prefix: { type: 'string', description: 'Only keys that begin so' },
    'volume-size': { type: 'string', description: 'MiB of a volume (default: 4096)' },
    report: { type: 'string', description: 'Folder of the reports, which hold names (default: DIR.report)' },
    ...secretFlags,
    'unlock-code': { type: 'boolean', description: 'Ask for the unlock code of an export that was cut short' },
  },
  run: ({ args }) =>
    orExplain(async () => {
      const data = dataDirectoryOf(args.data);
      const directory = resolve(args.directory);
      const volumeMib = Number(args['volume-size'] ?? 4096);
      const secret = await secretOf(args, 'export');
      const report = await clientOf(data, requireServer(data)).call<BundleExportReport>('POST', '/api/bundles/export', {
        directory,
        bucket: args.bucket,
        prefix: args.prefix ?? '',
        volumeBytes: Math.round(volumeMib * MIB),
        reports: resolve(args.report ?? `${directory}.report`),
        ...secret,
      });
      print(
        `Bundle ${report.bundle}: ${report.entries} versions, ${report.bytes} bytes in ${report.volumes} volumes, ${report.failed} failed.`,
      );
      print(`Signed by ${report.signer}`);
      if (report.unlockCode !== undefined) {
        print(`Unlock code: ${report.unlockCode}`);
        print('It is shown once and is not in the bundle. Send it another way than the volumes.');
      }
      if (report.failed > 0) process.exitCode = 5;
    }),
});

const importCommand = defineCommand({
  meta: { name: 'import', description: 'Bring the objects of the bundle in DIR into this lake' },
  args: {
    ...dataFlag,
    directory: { type: 'positional', required: true, description: 'A folder with all volumes of a bundle' },
    bucket: { type: 'string', description: 'The bucket to fill (default: that of the same name)' },
    overwrite: { type: 'boolean', description: 'Replace objects that are there and differ' },
    signer: { type: 'string', description: 'Refuse a bundle that was signed by another key than this fingerprint' },
    report: { type: 'string', description: 'Folder of the reports (default: imports/ in the data directory)' },
    ...secretFlags,
    'unlock-code': { type: 'boolean', description: 'Ask for the unlock code' },
  },
  run: ({ args }) =>
    orExplain(async () => {
      const data = dataDirectoryOf(args.data);
      const secret = await secretOf(args, 'import');
      const report = await clientOf(data, requireServer(data)).call<BundleImportReport>('POST', '/api/bundles/import', {
        directory: resolve(args.directory),
        overwrite: args.overwrite === true,
        ...(args.bucket === undefined ? {} : { bucket: args.bucket }),
        ...(args.signer === undefined ? {} : { signer: args.signer }),
        ...(args.report === undefined ? {} : { reports: resolve(args.report) }),
        ...secret,
      });
      print(
        `Bundle ${report.bundle}: ${report.imported} versions imported, ${report.bytes} bytes; ${report.present} present, ${report.failed} failed.`,
      );
      print(`Signed by ${report.signer}`);
      print(`Reports in ${report.reportFolder}`);
      if (report.failed > 0) process.exitCode = 5;
    }),
});

/** Objects carried on volumes, where there is no network. */
export const bundle = defineCommand({
  meta: { name: 'bundle', description: 'Carry objects on encrypted volumes: export, import' },
  subCommands: { export: exportCommand, import: importCommand },
});

interface SecretArgs {
  readonly 'key-file'?: string | undefined;
  readonly passphrase?: boolean | undefined;
  readonly 'unlock-code'?: boolean | undefined;
}

/** The secret to send; none for an export that is to make an unlock code. */
async function secretOf(args: SecretArgs, verb: 'export' | 'import'): Promise<object> {
  if (args['key-file'] !== undefined) {
    if (!existsSync(args['key-file'])) throw new LochError('not_found', `There is no key file ${args['key-file']}.`);
    return { secretKind: 'key file', secret: readFileSync(args['key-file']).toString('base64') };
  }
  const given = process.env[PASSPHRASE];
  if (given !== undefined && given !== '') return { secretKind: 'passphrase', secret: given };
  if (args.passphrase === true) return { secretKind: 'passphrase', secret: await ask('Passphrase: ') };
  if (args['unlock-code'] === true || verb === 'import') {
    return { secretKind: 'unlock code', secret: (await ask('Unlock code: ')).trim().toUpperCase() };
  }
  return {};
}

/** One line from the terminal, not shown while it is typed; or from a pipe. */
async function ask(question: string): Promise<string> {
  process.stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: process.stdin.isTTY === true });
  try {
    return await lines.question('');
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
