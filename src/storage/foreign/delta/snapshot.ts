/**
 * The state of a Delta table at a version: the log replayed from the newest commit back to a checkpoint.
 *
 * Invariants
 * - A file is live if the newest action on it, by path and deletion vector, is an `add`.
 * - The commits after the checkpoint follow one another without a gap, else the log is refused.
 * **Source**: Delta protocol, "Action Reconciliation", "Table Features".
 */
import { LochError } from '../../../core/errors.ts';
import type { ForeignFile, ForeignSnapshot, ForeignVersion } from '../contract-types.ts';
import type { TableFolder } from '../table-folder.ts';
import { type Action, type AddAction, checkpointActions, commitActions } from './actions.ts';
import { deletedPositions, vectorId } from './deletion-vectors.ts';
import { type LogFiles, logFiles } from './log-files.ts';
import { deltaColumns, type MappingMode } from './schema.ts';

const READER_FEATURES = new Set([
  'columnMapping',
  'deletionVectors',
  'timestampNtz',
  'typeWidening',
  'typeWidening-preview',
  'v2Checkpoint',
  'vacuumProtocolCheck',
]);
const MOST_FILES = 2_000_000;

class Replay {
  readonly #seen = new Set<string>();
  readonly live: AddAction[] = [];
  protocol: NonNullable<Action['protocol']> | undefined;
  metaData: NonNullable<Action['metaData']> | undefined;

  /** Takes one action; those of newer commits come first. */
  take(action: Action): void {
    this.protocol ??= action.protocol ?? undefined;
    this.metaData ??= action.metaData ?? undefined;
    const file = action.add ?? action.remove;
    if (file === null || file === undefined) return;
    const key = `${file.path}\u0000${vectorId(file.deletionVector)}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    if (action.add === null || action.add === undefined) return;
    this.live.push(action.add);
    if (this.live.length > MOST_FILES) {
      throw new LochError('limit_exceeded', `A Delta table of more than ${MOST_FILES} files is not read. Compact it.`);
    }
  }
}

/** **Errors**: `unsupported` naming the feature or version. */
function checkProtocol(protocol: Action['protocol'], location: string): void {
  if (protocol === null || protocol === undefined) {
    throw new LochError('data_corrupt', `The Delta log of \`${location}\` has no protocol.`);
  }
  if (protocol.minReaderVersion > 3) {
    throw new LochError(
      'unsupported',
      `\`${location}\` needs Delta reader version ${protocol.minReaderVersion}; 3 is read.`,
    );
  }
  const unknown = (protocol.readerFeatures ?? []).filter((feature) => !READER_FEATURES.has(feature));
  if (unknown.length === 0) return;
  throw new LochError(
    'unsupported',
    `\`${location}\` needs the Delta reader ${unknown.length === 1 ? 'feature' : 'features'} ${unknown.join(', ')}, which Loch does not have. Known: ${[...READER_FEATURES].join(', ')}.`,
    { context: { location, features: unknown.join(', ') } },
  );
}

const newest = (files: LogFiles): number => Math.max(...files.commits.keys(), files.checkpoints.at(-1)?.version ?? 0);

/** The version that was current at a time. */
async function versionAt(folder: TableFolder, files: LogFiles, at: number): Promise<number> {
  const versions = [...files.commits.keys()].sort((a, b) => b - a);
  for (const version of versions) {
    const entry = files.commits.get(version)!;
    const actions = await commitActions(folder, entry);
    const said = actions.find((action) => action.commitInfo !== undefined)?.commitInfo;
    const time = said?.inCommitTimestamp ?? said?.timestamp ?? entry.lastModified;
    if (time <= at) return version;
  }
  throw new LochError(
    'invalid_argument',
    `\`${folder.location}\` has no version of ${new Date(at).toISOString()}: its log begins later.`,
    { context: { location: folder.location } },
  );
}

async function wantedVersion(folder: TableFolder, files: LogFiles, wanted: ForeignVersion): Promise<number> {
  const latest = newest(files);
  if (wanted.asOf !== undefined) return versionAt(folder, files, wanted.asOf);
  if (wanted.version === undefined) return latest;
  const version = /^\d{1,15}$/.test(wanted.version) ? Number(wanted.version) : -1;
  if (version >= 0 && version <= latest) return version;
  throw new LochError(
    'invalid_argument',
    `\`${folder.location}\` has no version ${wanted.version}; its newest is ${latest}.`,
    { context: { location: folder.location } },
  );
}

/** Which log files a state needs, and a mark that changes when they do. */
export interface DeltaPlan {
  readonly version: number;
  readonly files: LogFiles;
  readonly mark: string;
}

/** What of the log a state needs. **Errors**: `not_found`, `invalid_argument`. */
export async function planDelta(folder: TableFolder, wanted: ForeignVersion): Promise<DeltaPlan> {
  const travels = wanted.version !== undefined || wanted.asOf !== undefined;
  const files = await logFiles(folder, travels);
  const version = await wantedVersion(folder, files, wanted);
  const entry = files.commits.get(version) ?? files.checkpoints.find((one) => one.version === version)?.files[0];
  return { version, files, mark: `${version} ${entry?.etag ?? ''}` };
}

/** The state that a plan leads to. **Errors**: `unsupported` naming the feature; `data_corrupt` naming the file. */
export async function readDelta(folder: TableFolder, { version, files }: DeltaPlan): Promise<ForeignSnapshot> {
  const checkpoint = files.checkpoints.findLast((one) => one.version <= version);
  const replay = new Replay();
  for (let commit = version; commit > (checkpoint?.version ?? -1); commit--) {
    const entry = files.commits.get(commit);
    if (entry === undefined) {
      throw new LochError(
        'data_corrupt',
        `The Delta log of \`${folder.location}\` lacks the commit ${commit}, and no checkpoint stands for it.`,
        { context: { location: folder.location } },
      );
    }
    // A file may be removed and added again in one commit; what is added last is what lives.
    const actions = await commitActions(folder, entry);
    for (const action of actions) if (action.add !== undefined) replay.take(action);
    for (const action of actions) if (action.add === undefined) replay.take(action);
  }
  if (checkpoint !== undefined) {
    for await (const action of checkpointActions(folder, checkpoint)) replay.take(action);
  }
  checkProtocol(replay.protocol, folder.location);
  return snapshotOf(folder, version, replay);
}

function snapshotOf(folder: TableFolder, version: number, replay: Replay): ForeignSnapshot {
  const { metaData } = replay;
  if (metaData === undefined) {
    throw new LochError('data_corrupt', `The Delta log of \`${folder.location}\` has no metadata.`);
  }
  const stated = metaData.configuration?.['delta.columnMapping.mode'] ?? 'none';
  if (stated !== 'none' && stated !== 'name' && stated !== 'id') {
    throw new LochError('unsupported', `The Delta column mapping mode \`${stated}\` is not read.`);
  }
  const mode: MappingMode = stated;
  const all = deltaColumns(metaData.schemaString, mode);
  const partitioned = metaData.partitionColumns ?? [];
  const partitionColumns = partitioned.map((name) => {
    const column = all.find((one) => one.name === name);
    if (column === undefined) {
      throw new LochError(
        'data_corrupt',
        `The Delta table \`${folder.location}\` is partitioned by \`${name}\`, which it does not have.`,
      );
    }
    return column;
  });
  return {
    kind: 'delta',
    version: String(version),
    schemaString: metaData.schemaString,
    columns: all.filter((column) => !partitioned.includes(column.name)),
    partitionColumns,
    files: replay.live.map((add): ForeignFile => {
      const values = add.partitionValues ?? {};
      const vector = add.deletionVector;
      return {
        path: folder.address(folder.own(decodePath(add.path))),
        bytes: Number(add.size),
        partition: Object.fromEntries(
          partitionColumns.map(({ name, physicalName }) => {
            const value = values[physicalName ?? name] ?? null;
            return [name, value === '' ? null : value];
          }),
        ),
        ...(vector === null || vector === undefined ? {} : { deleted: () => deletedPositions(vector, folder) }),
      };
    }),
  };
}

/** Paths stand URI-encoded in the log. */
function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
