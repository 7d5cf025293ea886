import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../core/secret.ts';
import { openMasterKeys, protectionOf, protectMasterKeys } from './master-key.ts';
import { createSealer } from './sealer.ts';

let data: string;
const file = () => readFileSync(join(data, 'keys', 'master.key'), 'utf8');

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'loch-master-key-'));
  mkdirSync(join(data, 'keys'));
});
afterEach(() => rmSync(data, { recursive: true, force: true }));

describe('the master key', () => {
  it('is made once, for its owner alone, and the same afterwards', () => {
    const made = openMasterKeys(data);
    expect(made.created).toBe(true);
    expect(openMasterKeys(data)).toEqual({ keys: made.keys, created: false });
    expect(statSync(join(data, 'keys', 'master.key')).mode & 0o777).toBe(0o600);
  });

  it('under a passphrase opens by it alone, and the file holds nothing of it', () => {
    const { keys } = openMasterKeys(data);
    const passphrase = new Secret('correct horse battery');
    protectMasterKeys(data, keys, 'passphrase', { passphrase });
    expect(protectionOf(data)).toBe('passphrase');
    expect(file()).not.toContain(Buffer.from(keys[0]!).toString('base64'));
    expect(openMasterKeys(data, { passphrase }).keys).toEqual(keys);
    expect(() => openMasterKeys(data, { passphrase: new Secret('another') })).toThrow(/does not open/);
    expect(() => openMasterKeys(data)).toThrow(/LOCH_KEYS_PASSPHRASE/);
    protectMasterKeys(data, keys, 'file', {});
    expect(openMasterKeys(data).keys).toEqual(keys);
  });

  it('under a command opens by what the command says, and a command that fails is named', () => {
    const { keys } = openMasterKeys(data);
    const script = join(data, 'command.mjs');
    // Turns the text around: what a device would do with a key of its own.
    writeFileSync(
      script,
      "let text = ''; for await (const chunk of process.stdin) text += chunk; console.log([...text.trim()].reverse().join(''));",
    );
    const command = `"${process.execPath}" "${script}"`;
    protectMasterKeys(data, keys, 'command', { command });
    expect(file()).not.toContain(Buffer.from(keys[0]!).toString('base64'));
    expect(openMasterKeys(data, { command }).keys).toEqual(keys);
    expect(() => openMasterKeys(data, { command: 'false' })).toThrow(/keys\.command/);
    expect(() => openMasterKeys(data)).toThrow(/keys\.command/);
  });

  it('rotated seals with the new one and opens what each of the old sealed', () => {
    const { keys } = openMasterKeys(data);
    const old = createSealer(keys).seal(new Secret('old'), 'test');
    const rotated = [Buffer.alloc(32, 9), ...keys];
    protectMasterKeys(data, rotated, 'file', {});
    const sealer = createSealer(openMasterKeys(data).keys);
    expect(sealer.open(old, 'test').reveal()).toBe('old');
    const fresh = sealer.seal(new Secret('new'), 'test');
    expect(sealer.open(fresh, 'test').reveal()).toBe('new');
    expect(() => createSealer(keys).open(fresh, 'test')).toThrow(/does not open/);
  });
});
