/** The files of a Delta log: commits and checkpoints by version. **Source**: Delta protocol, "File Types". */
import { isLochError, LochError } from '../../../core/errors.ts';
import type { FolderEntry, TableFolder } from '../table-folder.ts';

const LOG = '_delta_log/';
const COMMIT = /^_delta_log\/(\d{20})\.json$/;
const CHECKPOINT = /^_delta_log\/(\d{20})\.checkpoint(?:\.(\d{10})\.(\d{10})|\.([0-9a-f-]{36}))?\.(parquet|json)$/;

export interface Checkpoint {
  readonly version: number;
  readonly files: readonly FolderEntry[];
}

export interface LogFiles {
  /** By version. */
  readonly commits: ReadonlyMap<number, FolderEntry>;
  /** Complete ones, ascending. */
  readonly checkpoints: readonly Checkpoint[];
}

const padded = (version: number): string => String(version).padStart(20, '0');

/** The version of the last checkpoint by its hint, which may be stale or missing. */
async function hintedCheckpoint(folder: TableFolder): Promise<number | undefined> {
  try {
    const text = (await folder.read(`${LOG}_last_checkpoint`, 4 * 1024 * 1024)).toString('utf8');
    const { version } = JSON.parse(text) as { version?: unknown };
    return Number.isSafeInteger(version) ? (version as number) : undefined;
  } catch (error) {
    if (isLochError(error, 'object_not_found') || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The log from the last checkpoint on, or from `below` where a state before it is wanted. */
export async function logFiles(folder: TableFolder, whole: boolean): Promise<LogFiles> {
  const hint = whole ? undefined : await hintedCheckpoint(folder);
  const commits = new Map<number, FolderEntry>();
  const found = new Map<string, { version: number; parts: FolderEntry[]; wanted: number }>();
  const after = hint === undefined ? undefined : `${LOG}${padded(hint)}`;
  for await (const entry of folder.list(LOG, after)) {
    const commit = COMMIT.exec(entry.path);
    if (commit !== null) commits.set(Number(commit[1]), entry);
    const checkpoint = CHECKPOINT.exec(entry.path);
    if (checkpoint === null) continue;
    const [, version, , of, uuid] = checkpoint;
    const key = `${version}.${of ?? ''}.${uuid ?? ''}`;
    const known = found.get(key) ?? { version: Number(version), parts: [], wanted: of === undefined ? 1 : Number(of) };
    known.parts.push(entry);
    found.set(key, known);
  }
  const checkpoints = [...found.values()]
    .filter(({ parts, wanted }) => parts.length === wanted)
    .map(({ version, parts }): Checkpoint => ({ version, files: parts }))
    .sort((a, b) => a.version - b.version);
  if (hint !== undefined && !checkpoints.some(({ version }) => version === hint)) return logFiles(folder, true);
  if (commits.size === 0 && checkpoints.length === 0) {
    throw new LochError('not_found', `\`${folder.location}\` is no Delta table: it has no \`_delta_log\`.`, {
      context: { location: folder.location },
    });
  }
  return { commits, checkpoints };
}
