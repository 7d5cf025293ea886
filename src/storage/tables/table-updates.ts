/**
 * Updates and requirements of a table commit, as of the Iceberg REST catalog: pure functions over metadata.
 *
 * Invariants
 * - `-1` as an id means "the one added last in this commit".
 * - An added snapshot has a sequence number above the table's last, and a parent the table knows.
 *
 * **Source**: Iceberg REST catalog specification, `TableUpdate`, `TableRequirement`; Iceberg specification, version 2.
 */
import { LochError } from '../../core/errors.ts';
import type {
  IcebergSchema,
  PartitionSpec,
  Snapshot,
  TableMetadata,
  TableRequirement,
  TableUpdate,
} from './contract-types.ts';
import { bindSpec } from './partition-tuple.ts';
import { assertFieldShapes, assertOfVersion, assertSchema, highestFieldId } from './schema.ts';
import { nextRowId } from './row-lineage.ts';
import { nextTimestamp } from './table-metadata.ts';
import {
  assertEvolves,
  assertMembers,
  assertReference,
  assertSortOrder,
  assertSpec,
  assertUsable,
  invalid,
} from './update-checks.ts';

type Json = Record<string, unknown>;
type Mutable = { -readonly [K in keyof TableMetadata]: TableMetadata[K] };
type Handler = (draft: Draft, update: Json) => void;

/** What an application of updates keeps in mind between them. */
interface Draft {
  metadata: Mutable;
  readonly now: number;
  lastSchema: number | undefined;
  lastSpec: number | undefined;
  lastOrder: number | undefined;
  readonly addedSnapshots: Set<string>;
  /** Schema, spec or sort order changed: they must fit each other in the end. */
  reshaped: boolean;
}

/** The metadata after `updates`, in order. **Errors**: `invalid_argument`, `unsupported` naming the action. */
export function applyTableUpdates(base: TableMetadata, updates: readonly TableUpdate[], now: number): TableMetadata {
  const draft: Draft = {
    metadata: { ...base, 'last-updated-ms': nextTimestamp(base, now) },
    now,
    lastSchema: undefined,
    lastSpec: undefined,
    lastOrder: undefined,
    addedSnapshots: new Set(),
    reshaped: false,
  };
  for (const update of updates) {
    const handler = HANDLERS[update.action];
    if (handler === undefined) {
      throw new LochError(
        KNOWN_ELSEWHERE.has(update.action) ? 'unsupported' : 'invalid_argument',
        `The table update \`${update.action}\` is not supported. Supported: ${Object.keys(HANDLERS).join(', ')}.`,
        { context: { action: update.action } },
      );
    }
    assertMembers(update);
    apply(handler, draft, update);
  }
  if (draft.reshaped) assertUsable(draft.metadata);
  return draft.metadata;
}

/** A member of an unexpected shape trips whoever touches it first. */
function apply(handler: Handler, draft: Draft, update: TableUpdate): void {
  try {
    handler(draft, update as Json);
  } catch (error) {
    if (error instanceof LochError) throw error;
    throw new LochError(
      'invalid_argument',
      `The update \`${update.action}\` is malformed: ${(error as Error).message}.`,
      {
        context: { action: update.action },
        cause: error,
      },
    );
  }
}

/** Every update there is, by name, for the reference page. */
export const tableUpdateNames = (): readonly string[] => [...Object.keys(HANDLERS), ...KNOWN_ELSEWHERE];

/** Every requirement there is, by name. */
export const tableRequirementNames = (): readonly string[] => Object.keys(REQUIREMENTS);

/** Actions of the specification that belong to features not supported here. */
const KNOWN_ELSEWHERE = new Set(['add-encryption-key', 'remove-encryption-key', 'enable-row-lineage']);

/** **Errors**: `commit_conflict` naming the requirement that does not hold. `base` is undefined when the table is not there. */
export function assertTableRequirements(
  base: TableMetadata | undefined,
  requirements: readonly TableRequirement[],
): void {
  for (const requirement of requirements) {
    const check = REQUIREMENTS[requirement.type];
    if (check === undefined) {
      throw new LochError('invalid_argument', `The requirement \`${requirement.type}\` is not known.`, {
        context: { requirement: requirement.type },
      });
    }
    if (requirement.type === 'assert-create' ? base === undefined : base !== undefined && check(base, requirement))
      continue;
    throw new LochError(
      'commit_conflict',
      `Requirement failed: \`${requirement.type}\` does not hold any more. Load the table again and repeat the change.`,
      { context: { requirement: requirement.type } },
    );
  }
}

const REQUIREMENTS: Readonly<Record<string, (base: TableMetadata, wanted: Json) => boolean>> = {
  'assert-create': () => false,
  'assert-table-uuid': (base, wanted) => base['table-uuid'] === wanted.uuid,
  'assert-ref-snapshot-id': (base, wanted) => {
    const found = base.refs[String(wanted.ref)]?.['snapshot-id'];
    const id = wanted['snapshot-id'];
    return id === null || id === undefined ? found === undefined : found === String(id);
  },
  'assert-last-assigned-field-id': (base, wanted) => base['last-column-id'] === wanted['last-assigned-field-id'],
  'assert-current-schema-id': (base, wanted) => base['current-schema-id'] === wanted['current-schema-id'],
  'assert-last-assigned-partition-id': (base, wanted) =>
    base['last-partition-id'] === wanted['last-assigned-partition-id'],
  'assert-default-spec-id': (base, wanted) => base['default-spec-id'] === wanted['default-spec-id'],
  'assert-default-sort-order-id': (base, wanted) => base['default-sort-order-id'] === wanted['default-sort-order-id'],
};

const HANDLERS: Readonly<Record<string, Handler>> = {
  'assign-uuid': ({ metadata }, { uuid }) => {
    if (metadata['table-uuid'] !== '' && metadata['table-uuid'] !== uuid) {
      throw invalid(`The table's UUID is ${metadata['table-uuid']} and cannot be changed.`);
    }
    metadata['table-uuid'] = String(uuid);
  },
  'upgrade-format-version': ({ metadata }, update) => {
    const version = Number(update['format-version']);
    if (version === metadata['format-version']) return;
    if (version < metadata['format-version']) {
      throw invalid(`A table of Iceberg format version ${metadata['format-version']} cannot go back to ${version}.`);
    }
    if (version !== 2 && version !== 3) {
      throw new LochError(
        'unsupported',
        `A table cannot be changed to Iceberg format version ${version}. Known: 2, 3.`,
        { context: { version } },
      );
    }
    metadata['format-version'] = version;
    if (version === 3) metadata['next-row-id'] = 0;
  },
  'add-schema': addSchema,
  'set-current-schema': (draft, update) => {
    const id = lastOr(Number(update['schema-id']), draft.lastSchema, 'schema');
    const schema = draft.metadata.schemas.find((known) => known['schema-id'] === id);
    if (schema === undefined) throw invalid(`No schema ${id}.`);
    assertEvolves(draft.metadata, schema);
    draft.metadata['current-schema-id'] = id;
    draft.reshaped = true;
  },
  'add-spec': addSpec,
  'set-default-spec': (draft, update) => {
    const id = lastOr(Number(update['spec-id']), draft.lastSpec, 'partition spec');
    if (!draft.metadata['partition-specs'].some((spec) => spec['spec-id'] === id))
      throw invalid(`No partition spec ${id}.`);
    draft.metadata['default-spec-id'] = id;
    draft.reshaped = true;
  },
  'add-sort-order': addSortOrder,
  'set-default-sort-order': (draft, update) => {
    const id = lastOr(Number(update['sort-order-id']), draft.lastOrder, 'sort order');
    if (!draft.metadata['sort-orders'].some((order) => order['order-id'] === id)) throw invalid(`No sort order ${id}.`);
    draft.metadata['default-sort-order-id'] = id;
    draft.reshaped = true;
  },
  'add-snapshot': addSnapshot,
  'set-snapshot-ref': setSnapshotRef,
  'remove-snapshot-ref': ({ metadata }, update) => {
    const name = String(update['ref-name']);
    const { [name]: _removed, ...refs } = metadata.refs;
    metadata.refs = refs;
    if (name === 'main') delete metadata['current-snapshot-id'];
  },
  'remove-snapshots': ({ metadata }, update) =>
    removeSnapshots(metadata, (update['snapshot-ids'] as unknown[]).map(String)),
  'set-location': ({ metadata }, update) => {
    metadata.location = String(update.location).replace(/\/+$/, '');
  },
  'set-properties': ({ metadata }, update) => {
    metadata.properties = { ...metadata.properties, ...(update.updates as Record<string, string>) };
  },
  'remove-properties': ({ metadata }, update) => {
    const removed = new Set(update.removals as string[]);
    metadata.properties = Object.fromEntries(Object.entries(metadata.properties).filter(([key]) => !removed.has(key)));
  },
  'set-statistics': ({ metadata }, update) => replaceBySnapshot(metadata, 'statistics', update.statistics as Json),
  'remove-statistics': ({ metadata }, update) => dropBySnapshot(metadata, 'statistics', update),
  'set-partition-statistics': ({ metadata }, update) =>
    replaceBySnapshot(metadata, 'partition-statistics', update['partition-statistics'] as Json),
  'remove-partition-statistics': ({ metadata }, update) => dropBySnapshot(metadata, 'partition-statistics', update),
  'remove-partition-specs': ({ metadata }, update) => {
    const ids = new Set(update['spec-ids'] as number[]);
    if (ids.has(metadata['default-spec-id'])) throw invalid('The default partition spec cannot be removed.');
    metadata['partition-specs'] = metadata['partition-specs'].filter((spec) => !ids.has(spec['spec-id']));
  },
  'remove-schemas': ({ metadata }, update) => {
    const ids = new Set(update['schema-ids'] as number[]);
    if (ids.has(metadata['current-schema-id'])) throw invalid('The current schema cannot be removed.');
    const user = metadata.snapshots.find((snapshot) => ids.has(snapshot['schema-id'] ?? -1));
    if (user !== undefined) {
      throw invalid(`Schema ${user['schema-id']} cannot be removed: snapshot ${user['snapshot-id']} is read by it.`);
    }
    metadata.schemas = metadata.schemas.filter((schema) => !ids.has(schema['schema-id']));
  },
};

function lastOr(id: number, last: number | undefined, what: string): number {
  if (id !== -1) return id;
  if (last === undefined) throw invalid(`Id -1 means the ${what} added last, but this commit adds none.`);
  return last;
}

function addSchema(draft: Draft, update: Json): void {
  const { metadata } = draft;
  const given = update.schema as IcebergSchema;
  assertFieldShapes(given.fields);
  assertSchema(given);
  assertOfVersion(given, metadata['format-version']);
  const same = metadata.schemas.find(
    (schema) =>
      JSON.stringify([schema.fields, schema['identifier-field-ids'] ?? []]) ===
      JSON.stringify([given.fields, given['identifier-field-ids'] ?? []]),
  );
  const id = same?.['schema-id'] ?? Math.max(-1, ...metadata.schemas.map((schema) => schema['schema-id'])) + 1;
  draft.lastSchema = id;
  metadata['last-column-id'] = Math.max(
    metadata['last-column-id'],
    highestFieldId(given),
    Number(update['last-column-id'] ?? 0),
  );
  if (same === undefined) metadata.schemas = [...metadata.schemas, { ...given, 'schema-id': id }];
}

function addSpec(draft: Draft, update: Json): void {
  const { metadata } = draft;
  const given = update.spec as PartitionSpec;
  let nextId = metadata['last-partition-id'] + 1;
  const fields = given.fields.map((field) => ({ ...field, 'field-id': field['field-id'] ?? nextId++ }));
  const same = metadata['partition-specs'].find((spec) => JSON.stringify(spec.fields) === JSON.stringify(fields));
  const id = same?.['spec-id'] ?? Math.max(-1, ...metadata['partition-specs'].map((spec) => spec['spec-id'])) + 1;
  draft.lastSpec = id;
  if (same !== undefined) return;
  const spec: PartitionSpec = { 'spec-id': id, fields };
  assertSpec(metadata, spec, draft.lastSchema);
  bindSpec(metadata, spec);
  metadata['partition-specs'] = [...metadata['partition-specs'], spec];
  metadata['last-partition-id'] = Math.max(metadata['last-partition-id'], ...fields.map((field) => field['field-id']));
}

function addSortOrder(draft: Draft, update: Json): void {
  const { metadata } = draft;
  const given = update['sort-order'] as TableMetadata['sort-orders'][number];
  const same = metadata['sort-orders'].find((order) => JSON.stringify(order.fields) === JSON.stringify(given.fields));
  const highest = Math.max(0, ...metadata['sort-orders'].map((order) => order['order-id']));
  draft.lastOrder = same?.['order-id'] ?? (given.fields.length === 0 ? 0 : highest + 1);
  if (same === undefined) {
    assertSortOrder(metadata, given, draft.lastSchema);
    metadata['sort-orders'] = [...metadata['sort-orders'], { ...given, 'order-id': draft.lastOrder }];
  }
}

function addSnapshot(draft: Draft, update: Json): void {
  const { metadata } = draft;
  const given = update.snapshot as Snapshot;
  const snapshot: Snapshot = { ...given, summary: given.summary ?? {} };
  const id = snapshot['snapshot-id'];
  if (metadata.snapshots.some((known) => known['snapshot-id'] === id))
    throw invalid(`Snapshot ${id} is there already.`);
  if (snapshot['manifest-list'] === undefined) throw invalid(`Snapshot ${id} has no manifest list.`);
  if (snapshot.summary.operation === undefined) throw invalid(`Snapshot ${id} has no \`operation\` in its summary.`);
  const parent = snapshot['parent-snapshot-id'];
  if (snapshot['sequence-number'] <= metadata['last-sequence-number'] && parent !== undefined) {
    throw new LochError(
      'commit_conflict',
      `Snapshot ${id} has sequence number ${snapshot['sequence-number']}; the table is at ${metadata['last-sequence-number']}. Load the table again and repeat the change.`,
      { context: { snapshotId: id } },
    );
  }
  addRowIds(metadata, snapshot);
  metadata.snapshots = [...metadata.snapshots, snapshot];
  metadata['last-sequence-number'] = Math.max(metadata['last-sequence-number'], snapshot['sequence-number']);
  metadata['last-updated-ms'] = Math.max(metadata['last-updated-ms'], snapshot['timestamp-ms']);
  draft.addedSnapshots.add(id);
}

/** The row ids a snapshot of version 3 took must be those the table had to give. */
function addRowIds(metadata: Mutable, snapshot: Snapshot): void {
  const next = nextRowId(metadata);
  if (next === undefined) return;
  const id = snapshot['snapshot-id'];
  const first = snapshot['first-row-id'];
  const rows = snapshot['added-rows'];
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(rows) || rows! < 0) {
    throw invalid(
      `Snapshot ${id} of a version 3 table needs \`first-row-id\` and \`added-rows\`, whole numbers from 0.`,
    );
  }
  if (first! < next) {
    throw new LochError(
      'commit_conflict',
      `Snapshot ${id} begins with row id ${first}; the table is at ${next}. Load the table again and repeat the change.`,
      { context: { snapshotId: id } },
    );
  }
  metadata['next-row-id'] = first! + rows!;
}

function setSnapshotRef(draft: Draft, update: Json): void {
  const { metadata } = draft;
  const { action: _action, 'ref-name': name, ...ref } = update;
  const id = String(ref['snapshot-id']);
  const snapshot = metadata.snapshots.find((known) => known['snapshot-id'] === id);
  if (snapshot === undefined)
    throw invalid(`Reference \`${name}\` names snapshot ${id}, which the table does not have.`);
  assertReference(String(name), ref);
  const reference = { ...ref, 'snapshot-id': id, type: ref.type } as TableMetadata['refs'][string];
  metadata.refs = { ...metadata.refs, [String(name)]: reference };
  if (name !== 'main') return;
  if (ref.type !== 'branch') throw invalid('`main` must be a branch.');
  if (metadata['current-snapshot-id'] === id) return;
  metadata['current-snapshot-id'] = id;
  const at = draft.addedSnapshots.has(id) ? snapshot['timestamp-ms'] : metadata['last-updated-ms'];
  metadata['snapshot-log'] = [...metadata['snapshot-log'], { 'snapshot-id': id, 'timestamp-ms': at }];
}

/** Takes snapshots out, with the references to them and the history that leads past them. */
function removeSnapshots(metadata: Mutable, ids: readonly string[]): void {
  const gone = new Set(ids);
  const current = metadata['current-snapshot-id'];
  if (current !== undefined && gone.has(current))
    throw invalid(`Snapshot ${current} is the current one and cannot be removed.`);
  metadata.snapshots = metadata.snapshots.filter((snapshot) => !gone.has(snapshot['snapshot-id']));
  metadata.refs = Object.fromEntries(Object.entries(metadata.refs).filter(([, ref]) => !gone.has(ref['snapshot-id'])));
  // History before a removed snapshot would answer a time with the wrong one: it begins anew after the last of them.
  const last = metadata['snapshot-log'].findLastIndex((entry) => gone.has(entry['snapshot-id']));
  metadata['snapshot-log'] = metadata['snapshot-log'].slice(last + 1);
  for (const kind of ['statistics', 'partition-statistics'] as const) {
    const known = metadata[kind] as Json[] | undefined;
    if (known !== undefined) metadata[kind] = known.filter((entry) => !gone.has(String(entry['snapshot-id'])));
  }
}

function replaceBySnapshot(metadata: Mutable, kind: 'statistics' | 'partition-statistics', entry: Json): void {
  dropBySnapshot(metadata, kind, entry);
  metadata[kind] = [...((metadata[kind] as Json[] | undefined) ?? []), entry];
}

function dropBySnapshot(metadata: Mutable, kind: 'statistics' | 'partition-statistics', entry: Json): void {
  const known = (metadata[kind] as Json[] | undefined) ?? [];
  metadata[kind] = known.filter((other) => String(other['snapshot-id']) !== String(entry['snapshot-id']));
}
