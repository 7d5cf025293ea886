import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadConfig, settingNames, variableOf } from './config.ts';

const fileWith = (text: string) => {
  const file = join(mkdtempSync(join(tmpdir(), 'loch-config-')), 'loch.yaml');
  writeFileSync(file, text);
  return file;
};

it('takes defaults, then the file, then variables, then flags', () => {
  const config = loadConfig({
    file: fileWith('region: eu-west-1\nlisten:\n  aws_port: 1\n  console_port: 2\n'),
    env: { LOCH_LISTEN_AWS_PORT: '3', HOME: '/' },
    flags: { 'listen.console_port': 4 },
  });
  expect(config.region).toBe('eu-west-1');
  expect(config.listen).toMatchObject({ host: '127.0.0.1', aws_port: 3, console_port: 4 });
});

it('refuses an unknown key with the nearest known one', () => {
  expect(() => loadConfig({ file: fileWith('listen:\n  aws_prot: 1\n') })).toThrow(
    /`listen.aws_prot`.*`listen.aws_port`/,
  );
  expect(() => loadConfig({ env: { LOCH_REGIONN: 'x' } })).toThrow(/`LOCH_REGION`/);
});

it('names the setting whose value is wrong', () => {
  expect(() => loadConfig({ flags: { 'listen.aws_port': 'abc' } })).toThrow(/listen\.aws_port/);
});

it('maps every setting to a variable of its own', () => {
  const names = settingNames();
  expect(new Set(names.map(variableOf)).size).toBe(names.length);
});

it('reads names from a list or from words, and refuses what is neither true nor false', () => {
  expect(loadConfig({ file: fileWith('listen:\n  host_names: [a.example, b.example]\n') }).listen.host_names).toEqual([
    'a.example',
    'b.example',
  ]);
  const { listen } = loadConfig({ env: { LOCH_LISTEN_HOST_NAMES: 'a.example b.example', LOCH_LISTEN_TLS: 'true' } });
  expect(listen).toMatchObject({ host_names: ['a.example', 'b.example'], tls: true });
  expect(() => loadConfig({ flags: { 'listen.tls': 'perhaps' } })).toThrow(/`listen\.tls`/);
});
