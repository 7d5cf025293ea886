/** One running Loch: the data directory, the layers, the doors and their listeners. */
import { createHmac } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { collectGarbage } from '../core/collect-garbage.ts';
import { LochError, toLochError } from '../core/errors.ts';
import type { Config } from './config.ts';
import { compose } from './compose.ts';
import { openDataDirectory } from './data-directory.ts';
import { openDoors } from './doors.ts';
import { isWildcard, listen } from './listen.ts';
import { openEventLog } from './logging.ts';
import { isForIceberg, isForS3 } from './routing.ts';
import { openTls, type Tls } from './tls/index.ts';
import type { MasterKeyAccess } from './master-key.ts';
import { masterKeyAccess } from './master-key-access.ts';
import { writeSecretFile } from './secret-file.ts';
import { ensureZones } from './zones.ts';

/** A server that answers. */
export interface RunningServer {
  readonly awsUrl: string;
  readonly consoleUrl: string;
  /** A one-time link that signs in as root. */
  readonly consoleLink: string;
  /** The certificate of the authority to trust, when Loch serves by its own. */
  readonly caFile?: string;
  /** Milliseconds from the start of the process to ready. */
  readonly readyMs: number;
  /** The master key was made by this start: its owner should be told what losing it means. */
  readonly masterKeyIsNew: boolean;
  /** Stops listening, finishes or hands back what runs, closes the layers, gives the data directory free. */
  close(): Promise<void>;
}

const REQUEST_GRACE_MS = 10_000;
/** What follows a start by itself is over by then. */
const SETTLE_MS = 3_000;

/** Starts Loch on a data directory. **Errors**: `conflict` when it is in use; `configuration` for busy ports and the like. */
export async function startServer(options: {
  readonly data: string;
  readonly config: Config;
  readonly masterKey?: MasterKeyAccess;
}): Promise<RunningServer> {
  const { config } = options;
  const data = openDataDirectory(
    options.data,
    {
      directory: config.work_dir,
      encrypted: config.work_dir_encrypted,
    },
    options.masterKey ?? masterKeyAccess(config),
  );
  const stopping = new AbortController();
  let parts: Awaited<ReturnType<typeof compose>> | undefined;
  let tls: Tls | undefined;
  try {
    parts = await compose(data, config);
    const { events } = parts;
    const log = openEventLog({ directory: data.logsDirectory, level: config.log.level, events: parts.events });
    const rootKey = await parts.governance.ensureRootKey();
    writeSecretFile(
      data.rootKeyFile,
      `${JSON.stringify({ accessKeyId: rootKey.accessKeyId, secretAccessKey: rootKey.secret.reveal() })}\n`,
    );
    await ensureZones(parts, config, stopping.signal);
    const sessionKey = createHmac('sha256', data.masterKey).update('console-sessions').digest();
    const urls = { console: '', aws: '' };
    const doors = openDoors({
      parts,
      config,
      sessionKey,
      stopping: stopping.signal,
      consoleUrl: () => urls.console,
      awsUrl: () => urls.aws,
    });
    const guard =
      (handler: (...pair: Parameters<typeof doors.aws>) => Promise<void>) =>
      (...pair: Parameters<typeof doors.aws>) => {
        handler(...pair).catch((error: unknown) => {
          log.failure('a door failed to answer', toLochError(error));
          pair[1].destroy();
        });
      };
    const { host, host_names: hostNames } = config.listen;
    tls = await tlsOf(config, data.keysDirectory, parts.clock, (error) =>
      events.publish({
        name: 'platformStateChanged',
        payload: { state: 'background_failed', detail: `tls: ${error.message}` },
      }),
    );
    const shared = { host, hostNames: hostNames.length > 0 ? hostNames : namesForOthers(tls), tls };
    const aws = await listen({
      name: 'AWS doors',
      ...shared,
      port: config.listen.aws_port,
      setting: 'listen.aws_port',
      handler: guard((request, response) => {
        if (isForS3(request)) return doors.s3(request, response);
        return (isForIceberg(request) ? doors.iceberg : doors.aws)(request, response);
      }),
    });
    const own = await listen({
      name: 'console',
      ...shared,
      port: config.listen.console_port,
      setting: 'listen.console_port',
      handler: guard((request, response) => (isForIceberg(request) ? doors.iceberg : doors.own)(request, response)),
    }).catch(async (error: unknown) => {
      await aws.close(0);
      throw error;
    });
    urls.console = own.publicUrl;
    urls.aws = aws.publicUrl;
    const readyMs = Math.round(performance.now());
    const facts = {
      pid: process.pid,
      awsUrl: aws.url,
      consoleUrl: own.url,
      ...(aws.publicUrl === aws.url ? {} : { publicAwsUrl: aws.publicUrl }),
      ...(tls === undefined ? {} : { tls: tls.identity.trust }),
      region: config.region,
      accountId: config.account_id,
      startedAt: new Date().toISOString(),
    };
    writeSecretFile(data.serverFile, `${JSON.stringify(facts)}\n`);
    parts.events.publish({
      name: 'platformStateChanged',
      payload: { state: 'ready', detail: `${aws.url} ${own.url}` },
    });
    const running = parts;
    const identity = tls?.identity;
    const settled = setTimeout(collectGarbage, SETTLE_MS).unref();
    return {
      awsUrl: aws.publicUrl,
      consoleUrl: own.publicUrl,
      ...(identity === undefined || identity.trust.pinned ? {} : { caFile: identity.trust.file }),
      consoleLink: `${own.publicUrl}/#/link/${doors.createLink(rootKey.accessKeyId)}`,
      readyMs,
      masterKeyIsNew: data.masterKeyIsNew,
      async close() {
        running.events.publish({ name: 'platformStateChanged', payload: { state: 'stopping', detail: '' } });
        stopping.abort();
        clearTimeout(settled);
        await Promise.all([aws.close(REQUEST_GRACE_MS), own.close(REQUEST_GRACE_MS)]);
        tls?.close();
        await running.close();
        log.flush();
        data.release();
      },
    };
  } catch (error) {
    stopping.abort();
    tls?.close();
    await parts?.close();
    data.release();
    throw error;
  }
}

/** The identity of the listeners, or undefined when they serve plain HTTP. **Errors**: `configuration`. */
async function tlsOf(
  config: Config,
  keysDirectory: string,
  clock: Clock,
  onFailure: (error: Error) => void,
): Promise<Tls | undefined> {
  const { tls, host, host_names, tls_cert_file: certFile, tls_key_file: keyFile } = config.listen;
  if (!tls) {
    if (certFile === '' && keyFile === '') return undefined;
    throw new LochError(
      'configuration',
      '`listen.tls_cert_file` and `listen.tls_key_file` are given, but `listen.tls` is false. Set it to true (`--tls`).',
      { context: { setting: 'listen.tls' } },
    );
  }
  const hostNames = isWildcard(host) ? host_names : [...host_names, host];
  return openTls({ keysDirectory, hostNames, certFile, keyFile, clock, onFailure });
}

/** An owner's certificate tells by which name others know this machine. */
const namesForOthers = (tls: Tls | undefined): readonly string[] =>
  tls?.identity.trust.pinned === true ? tls.identity.names : [];
