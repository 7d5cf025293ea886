/**
 * The metadata of views as pure functions.
 *
 * Invariants
 * - A version has at least one SQL representation, at most one for each dialect (case folded), and a schema the view has.
 * - `-1` as an id means "the one added last in this commit".
 * - The oldest versions fall off beyond `version.history.num-entries` (10); the current one never does.
 *
 * **Source**: Iceberg view specification, version 1; REST catalog, `ViewUpdate`.
 */
import { LochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { IcebergSchema, TableRequirement, TableUpdate } from '../../storage/contract.ts';
import type { ViewMetadata, ViewVersion } from '../contract.ts';

const VERSIONS_KEPT = 10;

const invalid = (message: string): LochError => new LochError('invalid_argument', message);

/** Metadata of a new view. **Errors**: `invalid_argument`. */
export function newViewMetadata(options: {
  readonly location: string;
  readonly schema: IcebergSchema;
  readonly version: ViewVersion;
  readonly properties: Readonly<Record<string, string>>;
  readonly uuid?: string;
  readonly now: number;
}): ViewMetadata {
  const empty: ViewMetadata = {
    'view-uuid': options.uuid ?? newId(),
    'format-version': 1,
    location: options.location,
    schemas: [],
    'current-version-id': -1,
    versions: [],
    'version-log': [],
    properties: options.properties,
  };
  return applyViewUpdates(
    empty,
    [
      { action: 'add-schema', schema: options.schema },
      { action: 'add-view-version', 'view-version': { ...options.version, 'schema-id': -1 } },
      { action: 'set-current-view-version', 'view-version-id': -1 },
    ],
    options.now,
  );
}

/** **Errors**: `commit_conflict` for another UUID; `invalid_argument` for a requirement views do not have. */
export function assertViewRequirements(metadata: ViewMetadata, requirements: readonly TableRequirement[]): void {
  for (const requirement of requirements) {
    if (requirement.type !== 'assert-view-uuid') {
      throw invalid(`The requirement \`${requirement.type}\` is not known for views. Known: assert-view-uuid.`);
    }
    if (requirement.uuid === metadata['view-uuid']) continue;
    throw new LochError(
      'commit_conflict',
      'Requirement failed: `assert-view-uuid` does not hold. Load the view again.',
      {
        context: { requirement: requirement.type },
      },
    );
  }
}

interface Draft {
  metadata: { -readonly [K in keyof ViewMetadata]: ViewMetadata[K] };
  lastSchema: number | undefined;
  lastVersion: number | undefined;
  readonly now: number;
}

/** The metadata after `updates`, in order. **Errors**: `invalid_argument` naming the action. */
export function applyViewUpdates(base: ViewMetadata, updates: readonly TableUpdate[], now: number): ViewMetadata {
  const draft: Draft = { metadata: { ...base }, lastSchema: undefined, lastVersion: undefined, now };
  for (const update of updates) {
    const handler = Object.hasOwn(HANDLERS, update.action) ? HANDLERS[update.action] : undefined;
    if (handler === undefined) {
      throw invalid(`The view update \`${update.action}\` is not known. Known: ${Object.keys(HANDLERS).join(', ')}.`);
    }
    try {
      handler(draft, update);
    } catch (error) {
      if (error instanceof LochError) throw error;
      throw invalid(`The view update \`${update.action}\` is malformed: ${(error as Error).message}.`);
    }
  }
  const { metadata } = draft;
  if (!metadata.versions.some((version) => version['version-id'] === metadata['current-version-id'])) {
    throw invalid('A view needs a current version.');
  }
  return trimmed(metadata);
}

/** The updates of views there are, for the reference page. */
export const viewUpdateNames = (): readonly string[] => Object.keys(HANDLERS);

const HANDLERS: Readonly<Record<string, (draft: Draft, update: TableUpdate) => void>> = {
  'assign-uuid': ({ metadata }, { uuid }) => {
    if (metadata['view-uuid'] !== uuid)
      throw invalid(`The view's UUID is ${metadata['view-uuid']} and cannot be changed.`);
  },
  'upgrade-format-version': (_draft, update) => {
    if (update['format-version'] !== 1) throw invalid(`Views have format version 1, not ${update['format-version']}.`);
  },
  'add-schema': (draft, update) => {
    const { metadata } = draft;
    const given = update.schema as IcebergSchema;
    if (!Array.isArray(given?.fields)) throw invalid('The update `add-schema` needs `schema` with `fields`.');
    const same = metadata.schemas.find((schema) => JSON.stringify(schema.fields) === JSON.stringify(given.fields));
    draft.lastSchema =
      same?.['schema-id'] ?? Math.max(-1, ...metadata.schemas.map((schema) => schema['schema-id'])) + 1;
    if (same === undefined) {
      metadata.schemas = [...metadata.schemas, { ...given, type: 'struct', 'schema-id': draft.lastSchema }];
    }
  },
  'set-location': ({ metadata }, { location }) => {
    if (location !== metadata.location) {
      throw new LochError(
        'unsupported',
        `Moving a view is not supported: its metadata is at \`${metadata.location}\`.`,
      );
    }
  },
  'set-properties': ({ metadata }, { updates }) => {
    const texts = Object.entries(updates as Record<string, unknown>);
    if (texts.some(([, value]) => typeof value !== 'string')) throw invalid('Properties of views are texts.');
    metadata.properties = { ...metadata.properties, ...(updates as Record<string, string>) };
  },
  'remove-properties': ({ metadata }, { removals }) => {
    const gone = new Set(removals as readonly string[]);
    metadata.properties = Object.fromEntries(Object.entries(metadata.properties).filter(([key]) => !gone.has(key)));
  },
  'add-view-version': addVersion,
  'set-current-view-version': (draft, update) => {
    const { metadata } = draft;
    const id = update['view-version-id'] === -1 ? draft.lastVersion : Number(update['view-version-id']);
    const version = metadata.versions.find((known) => known['version-id'] === id);
    if (version === undefined) throw invalid(`The view has no version ${update['view-version-id']}.`);
    if (metadata['current-version-id'] === version['version-id']) return;
    metadata['current-version-id'] = version['version-id'];
    const entry = { 'version-id': version['version-id'], 'timestamp-ms': draft.now };
    metadata['version-log'] = [...metadata['version-log'], entry];
  },
};

function addVersion(draft: Draft, update: TableUpdate): void {
  const { metadata } = draft;
  const given = update['view-version'] as ViewVersion;
  assertRepresentations(given);
  const schemaId = given['schema-id'] === -1 ? draft.lastSchema : given['schema-id'];
  if (!metadata.schemas.some((schema) => schema['schema-id'] === schemaId)) {
    throw invalid(`The view has no schema ${given['schema-id']}.`);
  }
  const version = { ...given, 'schema-id': schemaId!, 'timestamp-ms': given['timestamp-ms'] ?? draft.now };
  const facts = ({ representations, ...rest }: ViewVersion) =>
    JSON.stringify([representations, rest['schema-id'], rest['default-catalog'], rest['default-namespace']]);
  const same = metadata.versions.find((known) => facts(known) === facts(version));
  if (same !== undefined) {
    draft.lastVersion = same['version-id'];
    return;
  }
  const id = Math.max(0, ...metadata.versions.map((known) => known['version-id'])) + 1;
  draft.lastVersion = id;
  metadata.versions = [...metadata.versions, { ...version, 'version-id': id }];
}

function assertRepresentations(version: ViewVersion | undefined): void {
  const representations = version?.representations;
  if (!Array.isArray(representations) || representations.length === 0) {
    throw invalid('A view version needs `representations`.');
  }
  if (!Array.isArray(version!['default-namespace'])) throw invalid('A view version needs `default-namespace`.');
  const dialects = new Set<string>();
  for (const { type, sql, dialect } of representations) {
    if (type !== 'sql' || typeof sql !== 'string' || sql === '' || typeof dialect !== 'string' || dialect === '') {
      throw invalid('A representation of a view is of type `sql`, with `sql` and `dialect`.');
    }
    if (dialects.has(dialect.toLowerCase()))
      throw invalid(`The dialect \`${dialect}\` stands twice in a view version.`);
    dialects.add(dialect.toLowerCase());
  }
}

function trimmed(metadata: ViewMetadata): ViewMetadata {
  const setting = Number(metadata.properties['version.history.num-entries'] ?? VERSIONS_KEPT);
  const kept = Number.isInteger(setting) && setting >= 1 ? setting : VERSIONS_KEPT;
  if (metadata.versions.length <= kept) return metadata;
  const current = metadata['current-version-id'];
  const youngest = metadata.versions.slice(-kept).map((version) => version['version-id']);
  const ids = new Set(youngest.includes(current) ? youngest : [...youngest.slice(1), current]);
  return {
    ...metadata,
    versions: metadata.versions.filter((version) => ids.has(version['version-id'])),
    'version-log': metadata['version-log'].filter((entry) => ids.has(entry['version-id'])),
  };
}

/** The version a view is at. */
export function currentVersion(metadata: ViewMetadata): ViewVersion {
  return metadata.versions.find((version) => version['version-id'] === metadata['current-version-id'])!;
}

/** Dialects SQL here reads, best first; another one is tried as it is. */
const READ_DIALECTS = ['athena', 'trino', 'presto', 'ansi', 'duckdb', 'spark'];

/** The representation that SQL here reads. */
export function chosenRepresentation(version: ViewVersion): ViewVersion['representations'][number] {
  for (const dialect of READ_DIALECTS) {
    const found = version.representations.find((known) => known.dialect.toLowerCase() === dialect);
    if (found !== undefined) return found;
  }
  return version.representations[0]!;
}
