/** `loch`: owns and asks one lake from the command line. */
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';
import { defineCommand, runMain } from 'citty';

// Sources are compiled once per version. Kept beside the packages, where only who may change the program may write.
const compiled = fileURLToPath(new URL('../../node_modules/.cache/loch', import.meta.url));
enableCompileCache(compiled);
process.env.NODE_COMPILE_CACHE ??= compiled; // for threads and engine processes

const main = defineCommand({
  meta: { name: 'loch', description: 'The serverless data lake as one system you own' },
  subCommands: {
    up: () => import('./commands/up.ts').then((m) => m.up),
    down: () => import('./commands/down.ts').then((m) => m.down),
    status: () => import('./commands/status.ts').then((m) => m.status),
    logs: () => import('./commands/logs.ts').then((m) => m.logs),
    env: () => import('./commands/env.ts').then((m) => m.env),
    console: () => import('./commands/console.ts').then((m) => m.consoleLink),
    doctor: () => import('./commands/doctor.ts').then((m) => m.doctor),
    backup: () => import('./commands/backup.ts').then((m) => m.backup),
    restore: () => import('./commands/restore.ts').then((m) => m.restore),
    export: () => import('./commands/export.ts').then((m) => m.exportFiles),
    bundle: () => import('./commands/bundle.ts').then((m) => m.bundle),
    load: () => import('./commands/load.ts').then((m) => m.load),
    fsck: () => import('./commands/fsck.ts').then((m) => m.fsck),
    inventory: () => import('./commands/inventory.ts').then((m) => m.inventory),
    lifecycle: () => import('./commands/lifecycle.ts').then((m) => m.lifecycle),
    s3: () => import('./commands/s3.ts').then((m) => m.s3),
    keys: () => import('./commands/keys.ts').then((m) => m.keys),
    query: () => import('./commands/query.ts').then((m) => m.query),
  },
});

await runMain(main);
