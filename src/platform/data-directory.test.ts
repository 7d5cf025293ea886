import { spawnSync } from 'node:child_process';
import { mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openDataDirectory } from './data-directory.ts';

const temporary = () => mkdtempSync(join(tmpdir(), 'loch-data-'));

it('is held by one process; a second is told the pid of the holder', () => {
  const path = temporary();
  const held = openDataDirectory(path);
  const script = `import { openDataDirectory } from ${JSON.stringify(new URL('./data-directory.ts', import.meta.url).href)};
    try { openDataDirectory(${JSON.stringify(path)}); console.log('opened'); } catch (error) { console.log(error.message); }`;
  const run = () => spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }).stdout;
  expect(run()).toContain(`in use by process ${process.pid}`);
  expect(() => openDataDirectory(path), 'a second time in the process that holds it').toThrow(/in use by process/);
  expect(run(), 'after this process was refused').toContain(`in use by process ${process.pid}`);
  held.release();
  expect(run()).toContain('opened');
});

it('keeps its master key in a file of mode 0600 and gives the same key again', () => {
  const path = temporary();
  const first = openDataDirectory(path);
  first.release();
  const second = openDataDirectory(path);
  expect(Buffer.from(second.masterKey).equals(Buffer.from(first.masterKey))).toBe(true);
  expect(statSync(join(path, 'keys', 'master.key')).mode & 0o777).toBe(0o600);
  second.release();
});

it('refuses a layout of a newer version by name', () => {
  const path = temporary();
  openDataDirectory(path).release();
  writeFileSync(join(path, 'VERSION'), '99\n');
  expect(() => openDataDirectory(path)).toThrow(/format version 99/);
});
