import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { defineCommand } from 'citty';
import { LochError } from '../../core/errors.ts';
import { loadConfig } from '../../platform/config.ts';
import { holdDataDirectory } from '../../platform/data-directory.ts';
import {
  MASTER_KEY_LOSS,
  openMasterKeys,
  protectionOf,
  protectMasterKeys,
  type Protection,
} from '../../platform/master-key.ts';
import { masterKeyAccess } from '../../platform/master-key-access.ts';
import { askPassphrase } from '../ask-passphrase.ts';
import { dataFlag, orExplain, print } from '../command.ts';
import { dataDirectoryOf } from '../server-file.ts';

const PROTECTIONS: readonly Protection[] = ['file', 'passphrase', 'command'];

const configOf = (data: string) => {
  const file = join(data, 'loch.yaml');
  return loadConfig({ ...(existsSync(file) ? { file } : {}), env: process.env });
};

/** The protection there is, or none yet. **Errors**: `configuration` for a directory without a key. */
function presentProtection(data: string): Protection {
  const protection = protectionOf(data);
  if (protection !== undefined) return protection;
  throw new LochError('configuration', `${data} has no master key yet: \`loch up\` makes it.`);
}

const status = defineCommand({
  meta: { name: 'status', description: 'How the master key is protected, and what losing it means' },
  args: dataFlag,
  run: ({ args }) =>
    orExplain(async () => {
      const data = dataDirectoryOf(args.data);
      print(`master key   ${join(data, 'keys', 'master.key')}`);
      print(`protection   ${presentProtection(data)}`);
      print(MASTER_KEY_LOSS);
    }),
});

const protect = defineCommand({
  meta: {
    name: 'protect',
    description: 'Put the master key under a passphrase or a command, or back in its file (server stopped)',
  },
  args: { ...dataFlag, with: { type: 'string', required: true, description: PROTECTIONS.join(', ') } },
  run: ({ args }) =>
    orExplain(async () => {
      const data = dataDirectoryOf(args.data);
      const wanted = PROTECTIONS.find((known) => known === args.with);
      if (wanted === undefined) {
        throw new LochError(
          'invalid_argument',
          `Unknown protection \`${args.with}\`. Known: ${PROTECTIONS.join(', ')}.`,
        );
      }
      const access = masterKeyAccess(configOf(data));
      const before = presentProtection(data);
      const old =
        before === 'passphrase' ? (access.passphrase ?? (await askPassphrase('Passphrase of now: '))) : undefined;
      const fresh =
        wanted === 'passphrase'
          ? await newPassphrase(before === 'passphrase' ? undefined : access.passphrase)
          : undefined;
      holdDataDirectory(data, () => {
        const { keys } = openMasterKeys(data, { ...access, passphrase: old });
        protectMasterKeys(data, keys, wanted, { ...access, passphrase: fresh });
        openMasterKeys(data, { ...access, passphrase: fresh }); // it opens as it will have to
      });
      print(`The master key is protected by: ${wanted}.`);
      if (wanted === 'passphrase')
        print('Start with LOCH_KEYS_PASSPHRASE, `keys.passphrase_file`, or at a terminal, where it is asked.');
      if (wanted === 'command') print('Start with `keys.command` set to the command that was used now.');
      print(MASTER_KEY_LOSS);
    }),
});

async function newPassphrase(stated: Awaited<ReturnType<typeof askPassphrase>> | undefined) {
  if (stated !== undefined) return stated;
  const first = await askPassphrase('New passphrase: ');
  const again = await askPassphrase('Once more: ');
  if (first.reveal() !== again.reveal())
    throw new LochError('invalid_argument', 'The two passphrases differ. Nothing was changed.');
  if (first.reveal().length < 12)
    throw new LochError('invalid_argument', 'A passphrase has at least 12 characters. Nothing was changed.');
  return first;
}

const rotate = defineCommand({
  meta: {
    name: 'rotate',
    description: 'Make a new master key for what is sealed from now on; the old ones still open (server stopped)',
  },
  args: dataFlag,
  run: ({ args }) =>
    orExplain(async () => {
      const data = dataDirectoryOf(args.data);
      const protection = presentProtection(data);
      const stated = masterKeyAccess(configOf(data));
      const passphrase =
        protection === 'passphrase' ? (stated.passphrase ?? (await askPassphrase('Passphrase: '))) : undefined;
      const access = { ...stated, passphrase };
      const count = holdDataDirectory(data, () => {
        const { keys } = openMasterKeys(data, access);
        const all = [randomBytes(32), ...keys];
        protectMasterKeys(data, all, protection, access);
        return all.length;
      });
      print(`A new master key seals from now on; ${count - 1} older still open what they sealed.`);
      print(`Copies of keys/master.key made before do not hold the new key: copy it again. ${MASTER_KEY_LOSS}`);
    }),
});

/** The master key of a data directory. Keys of the key service are the console's and the KMS door's. */
export const keys = defineCommand({
  meta: { name: 'keys', description: 'The master key: status, protect, rotate' },
  subCommands: { status, protect, rotate },
});
