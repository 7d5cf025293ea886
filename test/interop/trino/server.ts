import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The rows of a statement as Trino's protocol gives them, or why it failed. */
export type TrinoAnswer = readonly (readonly unknown[])[] | { readonly error: string };

export interface TrinoOptions {
  readonly java: string;
  readonly home: string;
  /** Loch's Iceberg REST catalog. */
  readonly uri: string;
  /** Loch's S3 endpoint. */
  readonly endpoint: string;
  readonly region: string;
  readonly key: string;
  readonly secret: string;
}

const START_MS = 180_000;

/** What the catalog `loch` is set to: no key of its own for storage, what each table needs is lent with it. */
export const catalogProperties = (options: Omit<TrinoOptions, 'java' | 'home'>): Record<string, string> => ({
  'connector.name': 'iceberg',
  'iceberg.catalog.type': 'rest',
  'iceberg.rest-catalog.uri': options.uri,
  'iceberg.rest-catalog.warehouse': 'loch',
  'iceberg.rest-catalog.security': 'OAUTH2',
  'iceberg.rest-catalog.oauth2.credential': `${options.key}:${options.secret}`,
  'iceberg.rest-catalog.oauth2.server-uri': `${options.uri}/v1/oauth/tokens`,
  'iceberg.rest-catalog.vended-credentials-enabled': 'true',
  'fs.native-s3.enabled': 'true',
  's3.endpoint': options.endpoint,
  's3.region': options.region,
  's3.path-style-access': 'true',
});

/** Trino in a process of its own, with Loch as its catalog `loch`. */
export class TrinoServer {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #base: string;

  private constructor(child: ChildProcess, folder: string, base: string) {
    [this.#child, this.#folder, this.#base] = [child, folder, base];
  }

  /** Starts it and waits until it takes statements. **Errors**: rejects with the end of its log when it does not. */
  static async start(options: TrinoOptions): Promise<TrinoServer> {
    const folder = mkdtempSync(join(tmpdir(), 'trino-'));
    const port = await freePort();
    await writeSettings(folder, port, options);
    const child = spawn(
      options.java,
      [
        ...['-Xmx1g', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:ReservedCodeCacheSize=256M'],
        ...['--enable-native-access=ALL-UNNAMED', '--sun-misc-unsafe-memory-access=allow'],
        ...['-cp', join(options.home, 'lib', '*')],
        ...['-Dnode.environment=test', '-Dnode.id=loch-test', `-Dnode.data-dir=${folder}`],
        ...[`-Dconfig=${join(folder, 'config.properties')}`, `-Dlog.levels-file=${join(folder, 'log.properties')}`],
        'io.trino.server.TrinoServer',
      ],
      { stdio: ['ignore', 'pipe', 'pipe'], cwd: options.home },
    );
    let log = '';
    const keep = (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-8_000);
      if (process.env.LOCH_TEST_VERBOSE !== undefined) process.stderr.write(chunk);
    };
    child.stdout!.on('data', keep);
    child.stderr!.on('data', keep);
    const trino = new TrinoServer(child, folder, `http://127.0.0.1:${port}`);
    const end = Date.now() + START_MS;
    while (!(await trino.#ready())) {
      if (child.exitCode !== null || Date.now() > end) {
        await trino.close();
        throw new Error(`Trino did not start:\n${log}`);
      }
      await sleep(200);
    }
    return trino;
  }

  async #ready(): Promise<boolean> {
    const answer = await fetch(`${this.#base}/v1/info`).catch(() => undefined);
    if (answer?.ok !== true) return false;
    return ((await answer.json()) as { starting: boolean }).starting === false;
  }

  /** Runs statements in order. A failed one is an answer; the next ones run all the same. */
  async sql(...statements: readonly string[]): Promise<readonly TrinoAnswer[]> {
    const answers: TrinoAnswer[] = [];
    for (const statement of statements) answers.push(await this.#run(statement));
    return answers;
  }

  /** **Source**: Trino's client protocol: POST /v1/statement, then GET each `nextUri` until there is none. */
  async #run(statement: string): Promise<TrinoAnswer> {
    const headers = { 'x-trino-user': 'loch', 'x-trino-catalog': 'loch', 'x-trino-time-zone': 'UTC' };
    let answer = await fetch(`${this.#base}/v1/statement`, { method: 'POST', headers, body: statement });
    const rows: (readonly unknown[])[] = [];
    for (;;) {
      if (!answer.ok) throw new Error(`Trino answered ${answer.status}: ${await answer.text()}`);
      const page = (await answer.json()) as {
        nextUri?: string;
        data?: unknown[][];
        error?: { message: string };
      };
      if (page.error !== undefined) return { error: page.error.message };
      rows.push(...(page.data ?? []));
      if (page.nextUri === undefined) return rows;
      answer = await fetch(page.nextUri, { headers });
    }
  }

  async close(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await ended;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function writeSettings(folder: string, port: number, options: TrinoOptions): Promise<void> {
  const text = (properties: Record<string, string>) =>
    Object.entries(properties)
      .map(([name, value]) => `${name}=${value}\n`)
      .join('');
  const catalogs = join(folder, 'catalog');
  await mkdir(catalogs);
  const config = {
    coordinator: 'true',
    'node-scheduler.include-coordinator': 'true',
    'http-server.http.port': String(port),
    'discovery.uri': `http://127.0.0.1:${port}`,
    'node.internal-address': '127.0.0.1',
    'query.max-memory-per-node': '300MB',
    'catalog.config-dir': catalogs,
    'plugin.dir': join(options.home, 'plugin'),
    'task.concurrency': '2',
  };
  await writeFile(join(folder, 'config.properties'), text(config));
  await writeFile(join(folder, 'log.properties'), 'io.trino=WARN\nio.airlift=WARN\n');
  await writeFile(join(catalogs, 'loch.properties'), text(catalogProperties(options)), { mode: 0o600 });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
