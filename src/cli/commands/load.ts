import { createReadStream, globSync, statSync } from 'node:fs';
import { basename, extname, join, relative, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { defineCommand } from 'citty';
import { LochError } from '../../core/errors.ts';
import { clientOf, type ServerClient } from '../api-client.ts';
import { dataFlag, orExplain, print } from '../command.ts';
import { progressBar } from '../progress.ts';
import { dataDirectoryOf, requireServer } from '../server-file.ts';

/** The answer of `/api/loads`. */
interface LoadState {
  readonly id: string;
  readonly state: 'RUNNING' | 'SUCCEEDED' | 'FAILED';
  readonly phase: string;
  readonly rows: number;
  readonly bytes: number;
  readonly error?: string;
  readonly result?: {
    readonly rows: number;
    readonly files: number;
    readonly columns: readonly { readonly name: string; readonly type: string }[];
  };
}

const FORMATS: Record<string, string> = {
  '.csv': 'csv',
  '.tsv': 'tsv',
  '.json': 'json',
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
  '.parquet': 'parquet',
};
const COMPRESSIONS = new Set(['.gz', '.zst']);

/** Makes an Iceberg table of files or of a database table. */
export const load = defineCommand({
  meta: { name: 'load', description: 'Load FILE, DIR or postgres://… into a table' },
  args: {
    ...dataFlag,
    source: {
      type: 'positional',
      required: true,
      description: 'A file, a folder, or postgres://user:password@host/database?table=schema.name',
    },
    table: { type: 'string', description: 'db.name (default: curated.<name of the source>)' },
    append: { type: 'boolean', description: 'Add to the table' },
    overwrite: { type: 'boolean', description: 'Replace the rows of the table' },
  },
  run: ({ args }) =>
    orExplain(async () => {
      const data = dataDirectoryOf(args.data);
      const client = clientOf(data, requireServer(data));
      const postgres = /^postgres(ql)?:\/\//.test(args.source);
      const target = targetOf(args.table, postgres ? postgresTable(args.source) : args.source);
      const mode = args.append ? 'append' : args.overwrite ? 'overwrite' : 'create';
      const source = postgres ? postgresSource(args.source) : await upload(client, resolve(args.source), target);
      const { id } = await client.call<{ id: string }>('POST', '/api/loads', { target, mode, ...source });
      const done = await follow(client, id);
      print(`Loaded ${done.rows} rows into ${target.database}.${target.table} (${done.files} files):`);
      for (const column of done.columns) print(`  ${column.name.padEnd(28)}${column.type}`);
      print(`Try: loch query 'SELECT * FROM ${target.database}.${target.table} LIMIT 10'`);
    }),
});

function targetOf(flag: string | undefined, source: string): { database: string; table: string } {
  const stem = basename(source).replace(/(\.[a-z0-9]+)+$/i, '');
  const [database, table] =
    flag === undefined ? ['curated', stem] : flag.includes('.') ? flag.split('.', 2) : ['curated', flag];
  const name = table!
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]+/g, '_')
    .replaceAll(/^_+|_+$/g, '');
  if (name === '')
    throw new LochError('invalid_argument', `No table name can be made of \`${source}\`. Give one by --table db.name.`);
  return { database: database!.toLowerCase(), table: name };
}

function postgresTable(text: string): string {
  const table = new URL(text).searchParams.get('table');
  if (table === null)
    throw new LochError('missing_argument', 'Which table? Add `?table=schema.name` to the address of the database.');
  return table.split('.').at(-1)!;
}

function postgresSource(text: string) {
  const url = new URL(text);
  const table = url.searchParams.get('table')!;
  url.searchParams.delete('table');
  return { source: { kind: 'postgres', url: url.toString(), table } };
}

function formatOf(file: string): string | undefined {
  const outer = extname(file).toLowerCase();
  return FORMATS[COMPRESSIONS.has(outer) ? extname(file.slice(0, -outer.length)).toLowerCase() : outer];
}

/** Puts the files under `raw/landing/` by the S3 door, so that the lake keeps the originals. */
async function upload(client: ServerClient, path: string, target: { database: string; table: string }) {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw new LochError('not_found', `There is no file or folder ${path}.`);
  const files = stats.isDirectory()
    ? globSync('**/*', { cwd: path })
        .map((name) => join(path, name))
        .filter((file) => statSync(file).isFile())
        .sort()
    : [path];
  const known = files.filter((file) => formatOf(file) !== undefined);
  const formats = [...new Set(known.map(formatOf))];
  if (known.length === 0) {
    throw new LochError(
      'unsupported',
      `${path} holds no file that load reads. Known: ${Object.keys(FORMATS).join(', ')}, each also with .gz or .zst.`,
    );
  }
  if (formats.length > 1)
    throw new LochError('unsupported', `${path} mixes formats (${formats.join(', ')}). Load one format at a time.`);
  const s3 = new S3Client(client.sdk);
  const prefix = `landing/${target.database}/${target.table}/${new Date().toISOString().replaceAll(/[:.]/g, '-')}`;
  const total = known.reduce((sum, file) => sum + statSync(file).size, 0);
  const bar = progressBar('upload', total);
  let before = 0;
  const keys: string[] = [];
  for (const file of known) {
    const key = `${prefix}/${stats.isDirectory() ? relative(path, file) : basename(file)}`;
    const transfer = new Upload({
      client: s3,
      params: { Bucket: 'raw', Key: key, Body: createReadStream(file) },
      partSize: 16 * 1024 * 1024,
    });
    transfer.on('httpUploadProgress', ({ loaded }) => bar.at(before + (loaded ?? 0)));
    await transfer.done();
    before += statSync(file).size;
    keys.push(key);
  }
  bar.done();
  return { source: { kind: 'objects', bucket: 'raw', keys }, format: formats[0] };
}

async function follow(client: ServerClient, id: string): Promise<NonNullable<LoadState['result']>> {
  const bar = progressBar('load', 0);
  for (;;) {
    const state = await client.call<LoadState>('GET', `/api/loads/${id}`);
    bar.say(`${state.phase}${state.rows > 0 ? `, ${state.rows} rows` : ''}`);
    if (state.state === 'SUCCEEDED') {
      bar.done();
      return state.result!;
    }
    if (state.state === 'FAILED') {
      bar.done();
      throw new LochError('statement_failed', state.error ?? 'The load failed without a reason.');
    }
    await sleep(150);
  }
}
