#!/usr/bin/env node
// Completes package-lock.json with the platform packages that a registry mirror does not carry. `npm install` leaves
// such optional packages out of the lock, and `npm ci` then refuses it. Run after every change of dependencies.
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8'));
const OS = ['android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32', 'aix'];
const CPU = ['arm64', 'arm', 'x64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32'];

/** Where npm would look `name` up from inside the package at `path`. */
function resolves(path, name) {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const candidate = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`;
    if (lock.packages[candidate] !== undefined) return true;
    if (at === '') return false;
    if (!at.includes('/node_modules/')) at = '';
    if (at === '' && lock.packages[`node_modules/${name}`] !== undefined) return true;
    if (at === '') return false;
  }
}

const added = [];
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    if (resolves(path, name)) continue;
    const words = name.toLowerCase().split(/[^a-z0-9]+/);
    const os = OS.filter((word) => words.includes(word) || (word === 'win32' && words.includes('windows')));
    const cpu = CPU.filter((word) => words.includes(word));
    const libc = words.includes('musl')
      ? ['musl']
      : words.includes('gnu') || words.includes('glibc')
        ? ['glibc']
        : undefined;
    if (os.length === 0 && cpu.length === 0) {
      process.stderr.write(`left out ${name}@${range}: its name tells no platform\n`);
      continue;
    }
    lock.packages[`node_modules/${name}`] = {
      version: range.replace(/^[\^~]/, ''),
      ...(cpu.length > 0 ? { cpu } : {}),
      ...(libc ? { libc } : {}),
      ...(entry.dev ? { dev: true } : {}),
      optional: true,
      ...(os.length > 0 ? { os } : {}),
    };
    added.push(name);
  }
}
const { '': own, ...rest } = lock.packages;
lock.packages = { '': own, ...Object.fromEntries(Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1))) };
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(`${added.length} platform packages added to the lock\n`);
