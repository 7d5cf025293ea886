/**
 * The master key of a data directory: what every sealed secret, every key of the key service and so every encrypted
 * object opens by.
 *
 * Invariants
 * - `keys/master.key` (0600) holds it in the clear (one key a line, base64, the newest first), or as JSON wrapped by a
 *   passphrase (argon2id, AES-256-GCM) or by a command of the owner's. It is replaced whole or not at all.
 * - The newest key seals; older ones open what they sealed. A key is never dropped.
 * - The command's protocol: it is run by the shell with `wrap` or `unwrap` as its last argument, reads one line of base64
 *   from standard input and prints one to standard output; another exit code than 0 is a refusal.
 */
import { spawnSync } from 'node:child_process';
import { argon2Sync, createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LochError } from '../core/errors.ts';
import type { Secret } from '../core/secret.ts';
import { writeSecretFile } from './secret-file.ts';

/** How the master key lies in its file. */
export type Protection = 'file' | 'passphrase' | 'command';

/** What opens a protected key. */
export interface MasterKeyAccess {
  readonly passphrase?: Secret | undefined;
  readonly command?: string | undefined;
}

/** The keys, the newest first, and whether they were made just now. **Units**: 32 bytes each. */
export interface MasterKeys {
  readonly keys: readonly Uint8Array[];
  readonly created: boolean;
}

/** What its owner must know before it is too late. */
export const MASTER_KEY_LOSS =
  'Whoever loses the master key (keys/master.key; with a protection its passphrase or command too) loses every sealed secret and every encrypted object: nobody can bring them back. Keep a copy away from this machine.';

interface WrappedFile {
  readonly loch: 'master-key';
  readonly version: 1;
  readonly protection: 'passphrase' | 'command';
  readonly wrapped: string;
  readonly argon2id?: { readonly memoryKib: number; readonly passes: number; readonly salt: string };
}

const KEY_BYTES = 32;
const ARGON2 = { memoryKib: 65_536, passes: 3 };
const COMMAND_MS = 60_000;

const fileOf = (data: string): string => join(data, 'keys', 'master.key');

/** How the key of a data directory is protected; undefined when it has none yet. **Errors**: `data_corrupt`. */
export function protectionOf(data: string): Protection | undefined {
  const file = fileOf(data);
  if (!existsSync(file)) return undefined;
  return parseFile(file)?.protection ?? 'file';
}

/** Opens the master keys, or makes the first. **Errors**: `configuration` naming what is missing; `data_corrupt`. */
export function openMasterKeys(data: string, access: MasterKeyAccess = {}): MasterKeys {
  const file = fileOf(data);
  if (!existsSync(file)) {
    const keys = [randomBytes(KEY_BYTES)];
    writeSecretFile(file, plainText(keys));
    return { keys, created: true };
  }
  const wrapped = parseFile(file);
  const text = wrapped === undefined ? readFileSync(file, 'utf8') : unwrap(file, wrapped, access);
  const keys = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => Buffer.from(line, 'base64'));
  if (keys.length > 0 && keys.every((key) => key.length === KEY_BYTES)) return { keys, created: false };
  throw new LochError(
    'data_corrupt',
    `${file} does not hold keys of ${KEY_BYTES} bytes. Restore it from a backup of this data directory.`,
  );
}

/** Puts the keys under another protection. **Errors**: `configuration` when what it needs is missing. */
export function protectMasterKeys(
  data: string,
  keys: readonly Uint8Array[],
  protection: Protection,
  access: MasterKeyAccess,
): void {
  const text = plainText(keys);
  writeSecretFile(
    fileOf(data),
    protection === 'file' ? text : `${JSON.stringify(wrap(text, protection, access), null, 2)}\n`,
  );
}

const plainText = (keys: readonly Uint8Array[]): string =>
  keys.map((key) => `${Buffer.from(key).toString('base64')}\n`).join('');

function parseFile(file: string): WrappedFile | undefined {
  const text = readFileSync(file, 'utf8');
  if (!text.trimStart().startsWith('{')) return undefined;
  try {
    const parsed = JSON.parse(text) as WrappedFile;
    if (parsed.loch === 'master-key' && parsed.version === 1) return parsed;
  } catch {
    // told below
  }
  throw new LochError('data_corrupt', `${file} is not a master key file of this version. Restore it from a backup.`);
}

function keyFrom(passphrase: Secret, settings: NonNullable<WrappedFile['argon2id']>): Uint8Array {
  return argon2Sync('argon2id', {
    message: Buffer.from(passphrase.reveal()),
    nonce: Buffer.from(settings.salt, 'base64'),
    parallelism: 1,
    tagLength: KEY_BYTES,
    memory: settings.memoryKib,
    passes: settings.passes,
  });
}

function wrap(text: string, protection: 'passphrase' | 'command', access: MasterKeyAccess): WrappedFile {
  const head = { loch: 'master-key', version: 1, protection } as const;
  if (protection === 'command') return { ...head, wrapped: runCommand(neededCommand(access), 'wrap', text) };
  const argon2id = { ...ARGON2, salt: randomBytes(16).toString('base64') };
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', keyFrom(neededPassphrase(access), argon2id), nonce);
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return { ...head, argon2id, wrapped: Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64') };
}

function unwrap(file: string, wrapped: WrappedFile, access: MasterKeyAccess): string {
  if (wrapped.protection === 'command') return runCommand(neededCommand(access), 'unwrap', wrapped.wrapped);
  const bytes = Buffer.from(wrapped.wrapped, 'base64');
  const decipher = createDecipheriv(
    'aes-256-gcm',
    keyFrom(neededPassphrase(access), wrapped.argon2id!),
    bytes.subarray(0, 12),
  );
  decipher.setAuthTag(bytes.subarray(12, 28));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
  } catch (error) {
    throw new LochError('configuration', `The passphrase does not open ${file}. Give the one it was protected with.`, {
      cause: error,
    });
  }
}

function neededPassphrase({ passphrase }: MasterKeyAccess): Secret {
  if (passphrase !== undefined && passphrase.reveal() !== '') return passphrase;
  throw new LochError(
    'configuration',
    'The master key is protected by a passphrase. Give it by LOCH_KEYS_PASSPHRASE, by a file named in `keys.passphrase_file`, or at the terminal.',
    { context: { setting: 'keys.passphrase_file' } },
  );
}

function neededCommand({ command }: MasterKeyAccess): string {
  if (command !== undefined && command !== '') return command;
  throw new LochError('configuration', 'The master key is protected by a command. Name it in `keys.command`.', {
    context: { setting: 'keys.command' },
  });
}

/** What is wrapped is text of several lines: it travels as one line of base64. */
function runCommand(command: string, verb: 'wrap' | 'unwrap', text: string): string {
  const input = verb === 'wrap' ? Buffer.from(text).toString('base64') : text;
  const { status, stdout, error } = spawnSync(`${command} ${verb}`, {
    shell: true,
    input: `${input}\n`,
    timeout: COMMAND_MS,
    stdio: ['pipe', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  const line = (stdout ?? '').trim();
  if (status === 0 && line !== '') return verb === 'wrap' ? line : Buffer.from(line, 'base64').toString('utf8');
  const why = error === undefined ? `it ended with ${status}` : error.message;
  throw new LochError(
    'configuration',
    `The command of \`keys.command\` did not ${verb} the master key: ${why}. It must read one line from standard input and print one.`,
    { context: { setting: 'keys.command' } },
  );
}
