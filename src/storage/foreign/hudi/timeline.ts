/**
 * The timeline of a Hudi table: which instants are complete, and what they say.
 * **Source**: Apache Hudi technical specification, "Timeline", table versions 6 and 8.
 */
import { LochError } from '../../../core/errors.ts';
import { recordsOfContainer } from '../../tables/avro-container.ts';
import type { FolderEntry, TableFolder } from '../table-folder.ts';

const LARGEST_PROPERTIES = 1024 * 1024;
const LARGEST_INSTANT = 256 * 1024 * 1024;
const COMPLETE =
  /^(\d{14,17})(?:_(\d{14,17}))?\.(commit|deltacommit|replacecommit|clustering|compaction|savepoint|clean|rollback|restore|indexing)$/;
/** Actions that write data. */
const WRITES = new Set(['commit', 'deltacommit', 'replacecommit']);

export type HudiProperties = Readonly<Record<string, string>>;

export interface Instant {
  readonly time: string;
  readonly action: string;
  readonly entry: FolderEntry;
}

/** `hoodie.properties`. **Errors**: `not_found` when there is none. */
export async function hudiProperties(folder: TableFolder): Promise<HudiProperties> {
  let text: string;
  try {
    text = (await folder.read('.hoodie/hoodie.properties', LARGEST_PROPERTIES)).toString('utf8');
  } catch (error) {
    throw new LochError(
      'not_found',
      `\`${folder.location}\` is no Hudi table: \`.hoodie/hoodie.properties\` cannot be read.`,
      { context: { location: folder.location }, cause: error },
    );
  }
  const entries = text.split(/\r?\n/).flatMap((line): [string, string][] => {
    const match = /^\s*([^#=:\s]+)\s*[=:]\s*(.*?)\s*$/.exec(line);
    return match === null ? [] : [[match[1]!, match[2]!.replace(/\\([:=#! ])/g, '$1')]];
  });
  return Object.fromEntries(entries);
}

/** The completed writes of the active timeline, oldest first. */
export async function completedWrites(folder: TableFolder, tableVersion: number): Promise<Instant[]> {
  const path = tableVersion >= 8 ? '.hoodie/timeline/' : '.hoodie/';
  const instants: Instant[] = [];
  for await (const entry of folder.list(path)) {
    const match = COMPLETE.exec(entry.path.slice(path.length));
    if (match !== null && WRITES.has(match[3]!)) instants.push({ time: match[1]!, action: match[3]!, entry });
  }
  return instants.sort((a, b) => (a.time < b.time ? -1 : 1));
}

/** What the metadata of a completed write says that a reader needs. */
export interface WriteFacts {
  readonly schema?: string;
  readonly replaced: Readonly<Record<string, readonly string[]>>;
}

/** **Errors**: `data_corrupt`. */
export async function writeFacts(folder: TableFolder, instant: Instant): Promise<WriteFacts> {
  try {
    const bytes = await folder.read(instant.entry.path, LARGEST_INSTANT);
    if (bytes.length === 0) return { replaced: {} };
    const found =
      bytes.subarray(0, 3).toString('latin1') === 'Obj'
        ? (((await recordsOfContainer(bytes, instant.entry.path))[0] ?? {}) as Record<string, unknown>)
        : (JSON.parse(bytes.toString('utf8')) as Record<string, unknown>);
    const extra = (found.extraMetadata ?? {}) as Record<string, unknown>;
    const replaced = (found.partitionToReplaceFileIds ?? {}) as Record<string, readonly string[]>;
    return { ...(typeof extra.schema === 'string' && extra.schema !== '' ? { schema: extra.schema } : {}), replaced };
  } catch (error) {
    if (error instanceof LochError && error.code !== 'data_corrupt') throw error;
    throw new LochError('data_corrupt', `The Hudi instant \`${folder.address(instant.entry.path)}\` cannot be read.`, {
      cause: error,
    });
  }
}
