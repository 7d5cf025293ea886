import { readFileSync } from 'node:fs';
import { LochError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import type { Config } from './config.ts';
import type { MasterKeyAccess } from './master-key.ts';

/** What opens the master key, as the settings and the environment say. **Errors**: `configuration`. */
export function masterKeyAccess(
  { keys }: Pick<Config, 'keys'>,
  env: Readonly<Record<string, string | undefined>> = process.env,
): MasterKeyAccess {
  const command = keys.command === '' ? {} : { command: keys.command };
  if (keys.passphrase_file !== '') return { ...command, passphrase: readPassphrase(keys.passphrase_file) };
  const stated = env.LOCH_KEYS_PASSPHRASE;
  return { ...command, ...(stated === undefined ? {} : { passphrase: new Secret(stated) }) };
}

function readPassphrase(file: string): Secret {
  try {
    return new Secret(readFileSync(file, 'utf8').replace(/\r?\n$/, ''));
  } catch (error) {
    throw new LochError('configuration', `The file of \`keys.passphrase_file\`, ${file}, cannot be read.`, {
      context: { setting: 'keys.passphrase_file' },
      cause: error,
    });
  }
}
