/**
 * Blank DuckDB instances, opened before they are needed. An instance serves one statement and is thrown away: nothing
 * of one security context can meet another.
 */
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { WorkerJob } from './protocol.ts';
import { sqlName, sqlString, sqlStrings } from '../../core/sql-text.ts';

/** One instance with its only connection. */
export interface Session {
  readonly connection: DuckDBConnection;
  close(): void;
}

const BLANK = {
  threads: '1',
  autoinstall_known_extensions: 'false',
  autoload_known_extensions: 'false',
  allow_community_extensions: 'false',
  allow_persistent_secrets: 'false',
  errors_as_json: 'true',
  // An instance reads its files once: what it would cache is thrown away with it.
  enable_external_file_cache: 'false',
};

async function openBlank(): Promise<Session> {
  const instance = await DuckDBInstance.create(':memory:', BLANK);
  const connection = await instance.connect();
  return {
    connection,
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** Blank instances kept ready. */
export interface InstancePool {
  take(): Promise<Session>;
  /** Opens what is missing: to be called while no statement runs, whose processor time the opening would take. */
  refill(): void;
}

/** A pool of `size` blank instances; beyond them one is opened for whoever takes it. */
export function createInstancePool(size: number): InstancePool {
  const blanks: Promise<Session>[] = [];
  const pool = {
    take: () => blanks.shift() ?? openBlank(),
    refill() {
      while (blanks.length < size) {
        const opening = openBlank();
        opening.catch(() => {}); // Reported to whoever takes it.
        blanks.push(opening);
      }
    },
  };
  pool.refill();
  return pool;
}

/** Session settings a statement may carry, in the engine's own names. */
const ALLOWED_SETTINGS = new Set(['TimeZone', 'integer_division', 'default_null_order', 'preserve_insertion_order']);

/**
 * Shuts the box: after these settings the session reads and writes exactly the given paths and can change none of its
 * settings. `writable` is the output, `folder` a fresh folder of its own that partitioned output is written under.
 *
 * A folder is opened only for partitioned output, whose file names the engine chooses; it holds nothing but that output.
 */
export function sandboxSettings(job: WorkerJob, writable: readonly string[], folder: string | undefined): string {
  const settings = Object.entries(job.settings).map(([name, value]) => {
    if (!ALLOWED_SETTINGS.has(name)) throw new Error(`The setting ${name} is not allowed.`);
    return `SET ${sqlName(name)} = ${sqlString(value)};`;
  });
  return [
    ...settings,
    // Footers are read twice, to bind the names (DESCRIBE) and to run; the files are links to bytes that never change.
    'SET parquet_metadata_cache = true;',
    `SET memory_limit = '${Math.floor(job.memoryLimitBytes / 1024)}KiB';`,
    `SET threads = ${job.threads};`,
    `SET temp_directory = ${sqlString(job.spillDirectory)};`,
    `SET max_temp_directory_size = '${Math.floor(job.spillLimitBytes / 1024)}KiB';`,
    `SET allowed_paths = ${sqlStrings([...job.inputs, ...writable])};`,
    ...(folder === undefined ? [] : [`SET allowed_directories = ${sqlStrings([`${folder}/`])};`]),
    'SET enable_external_access = false;',
    'SET lock_configuration = true;',
  ].join('\n');
}
