import { X509Certificate } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { defineCommand } from 'citty';
import { loadConfig } from '../../platform/config.ts';
import { MASTER_KEY_LOSS, protectionOf } from '../../platform/master-key.ts';
import { dataFlag, orExplain, print } from '../command.ts';
import { dataDirectoryOf, runningServer } from '../server-file.ts';

interface Finding {
  readonly ok: boolean;
  readonly what: string;
  readonly detail: string;
}

const FSYNC_ROUNDS = 100;
const SLOW_FSYNC_MS = 20;
const LOW_DISK_MIB = 1024;
const SOON_MS = 7 * 24 * 3_600_000;
/** A clock before this cannot be right; signatures of clients would be refused. */
const EARLIEST = Date.UTC(2025, 0, 1);

/** Looks at what Loch needs of this machine and says what to do about what it does not find. */
export const doctor = defineCommand({
  meta: { name: 'doctor', description: 'Check ports, disk, fsync speed, clock, Node and permissions' },
  args: dataFlag,
  run: ({ args }) =>
    orExplain(async () => {
      const data = dataDirectoryOf(args.data);
      const server = runningServer(data);
      mkdirSync(data, { recursive: true, mode: 0o700 });
      const config = loadConfig({ env: process.env });
      const findings = [
        node(),
        disk(data),
        fsync(data),
        clock(),
        permissions(data),
        masterKey(data),
        ...certificate(data, config.listen),
      ];
      if (server === undefined) {
        findings.push(await port('AWS doors', config.listen.host, config.listen.aws_port, 'listen.aws_port'));
        findings.push(await port('console', config.listen.host, config.listen.console_port, 'listen.console_port'));
      } else {
        findings.push({ ok: true, what: 'ports', detail: `in use by the running server (process ${server.pid})` });
      }
      for (const { ok, what, detail } of findings) print(`${ok ? 'ok  ' : 'FAIL'} ${what.padEnd(12)}${detail}`);
      if (findings.some(({ ok }) => !ok)) process.exitCode = 1;
    }),
});

function node(): Finding {
  const major = Number(process.versions.node.split('.')[0]);
  return {
    ok: major >= 24,
    what: 'Node',
    detail: `${process.version}${major >= 24 ? '' : ' (Loch runs on Node 24; start it by ./loch, which brings one)'}`,
  };
}

function disk(data: string): Finding {
  const { bavail, bsize } = statfsSync(data);
  const mib = Math.floor((bavail * bsize) / 1024 / 1024);
  return {
    ok: mib >= LOW_DISK_MIB,
    what: 'disk',
    detail: `${mib} MiB free at ${data}${mib >= LOW_DISK_MIB ? '' : ` (less than ${LOW_DISK_MIB}: free some, or choose --data on another volume)`}`,
  };
}

function fsync(data: string): Finding {
  const file = join(data, `.doctor-${process.pid}`);
  const descriptor = openSync(file, 'w');
  const times: number[] = [];
  try {
    for (let i = 0; i < FSYNC_ROUNDS; i++) {
      const started = performance.now();
      writeSync(descriptor, Buffer.alloc(4096, i));
      fdatasyncSync(descriptor);
      times.push(performance.now() - started);
    }
  } finally {
    closeSync(descriptor);
    rmSync(file);
  }
  times.sort((a, b) => a - b);
  const p50 = times[FSYNC_ROUNDS / 2]!;
  const p99 = times[FSYNC_ROUNDS - 1]!;
  const detail = `fdatasync p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms: every acknowledged write waits for one`;
  return {
    ok: p50 < SLOW_FSYNC_MS,
    what: 'fsync',
    detail: p50 < SLOW_FSYNC_MS ? detail : `${detail}; this disk is slow, put --data on an SSD`,
  };
}

function clock(): Finding {
  const now = Date.now();
  return {
    ok: now > EARLIEST,
    what: 'clock',
    detail: `${new Date(now).toISOString()}${now > EARLIEST ? '' : ' is in the past: set the clock, or signatures are refused'}`,
  };
}

function masterKey(data: string): Finding {
  const protection = protectionOf(data);
  const how = protection === undefined ? 'made by the first `loch up`' : `protected by: ${protection}`;
  return { ok: true, what: 'master key', detail: `${how}. ${MASTER_KEY_LOSS}` };
}

function permissions(data: string): Finding {
  const { mode, uid } = statSync(data);
  const open = (mode & 0o077) !== 0;
  const own = process.getuid === undefined || uid === process.getuid();
  if (!own) return { ok: false, what: 'permissions', detail: `${data} belongs to user ${uid}; run as that user` };
  return {
    ok: !open,
    what: 'permissions',
    detail: open ? `${data} is readable by others: chmod 700 ${data}` : `${data} is its owner's alone`,
  };
}

/** The certificate that listeners show, where there is one. */
function certificate(data: string, listen: { readonly tls_cert_file: string }): Finding[] {
  const file = listen.tls_cert_file === '' ? join(data, 'keys', 'tls', 'server.pem') : listen.tls_cert_file;
  if (!existsSync(file)) return [];
  const { validTo, subjectAltName } = new X509Certificate(readFileSync(file));
  const left = Date.parse(validTo) - Date.now();
  const own = listen.tls_cert_file === '';
  const names = (subjectAltName ?? 'no names').replaceAll('IP Address:', '').replaceAll('DNS:', '');
  const renewal = own ? 'a start renews it' : 'renew it; a running Loch takes the new file within an hour';
  const detail = `${names}; ends ${new Date(validTo).toISOString().slice(0, 10)}`;
  return [{ ok: left > SOON_MS, what: 'TLS', detail: left > SOON_MS ? detail : `${detail}: ${renewal}` }];
}

function port(name: string, host: string, number: number, setting: string): Promise<Finding> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) =>
      resolve({
        ok: false,
        what: 'port',
        detail: `${number} (${name}): ${error.code}; choose another with \`--set ${setting}=PORT\``,
      }),
    );
    probe.listen(number, host, () =>
      probe.close(() => resolve({ ok: true, what: 'port', detail: `${number} (${name}) is free` })),
    );
  });
}
