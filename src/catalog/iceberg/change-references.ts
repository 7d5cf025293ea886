import { LochError } from '../../core/errors.ts';
import type { TableMetadata, TableUpdate } from '../../storage/contract.ts';
import type { Catalog, ReferenceChange } from '../contract.ts';
import { authorizeGlue, requireTable } from '../databases/access.ts';
import { fold } from '../databases/parts.ts';
import type { IcebergParts } from './commit.ts';
import { commitChange } from './commit-change.ts';
import { metadataStage } from './evolve-schema.ts';

/** Creates, moves and drops branches and tags. Names that stand still need INSERT; what takes rows away needs DELETE. */
export const changeReferences =
  (parts: IcebergParts): Catalog['changeReferences'] =>
  async (context, given, change) => {
    const name = fold(given);
    await authorizeGlue(parts, context, 'UpdateTable', name);
    await requireTable(parts, context, name, 'INSERT');
    const moves = change.kind === 'drop' || change.kind === 'fast_forward' || change.replace === true;
    if (moves) await requireTable(parts, context, name, 'DELETE');
    return commitChange(
      parts,
      context,
      name,
      metadataStage(parts, ({ metadata }) => updatesFor(metadata, change)),
    );
  };

function updatesFor(metadata: TableMetadata, change: ReferenceChange): readonly TableUpdate[] {
  if (change.kind === 'drop') {
    if (change.name === 'main') throw invalid('`main` cannot be dropped.');
    requireReference(metadata, change.name);
    return [{ action: 'remove-snapshot-ref', 'ref-name': change.name }];
  }
  return change.kind === 'fast_forward' ? fastForward(metadata, change) : [setReference(metadata, change)];
}

function fastForward(
  metadata: TableMetadata,
  { name = 'main', to }: Extract<ReferenceChange, { kind: 'fast_forward' }>,
): readonly TableUpdate[] {
  const target = requireReference(metadata, to)['snapshot-id'];
  const from = name === 'main' ? metadata['current-snapshot-id'] : requireReference(metadata, name)['snapshot-id'];
  if (from === target) return [];
  if (from !== undefined && !isAncestor(metadata, from, target)) {
    throw invalid(`\`${name}\` cannot be fast-forwarded to \`${to}\`: that does not descend from it.`);
  }
  const { 'snapshot-id': _from, type: _type, ...retention } = metadata.refs[name] ?? {};
  return [{ ...retention, action: 'set-snapshot-ref', 'ref-name': name, type: 'branch', 'snapshot-id': target }];
}

function setReference(
  metadata: TableMetadata,
  change: Extract<ReferenceChange, { kind: 'branch' | 'tag' }>,
): TableUpdate {
  const { kind, name, replace = false } = change;
  const known = metadata.refs[name];
  if (known !== undefined && !replace) {
    throw new LochError(
      'already_exists',
      `The ${known.type} \`${name}\` exists already. Replace it, or choose another name.`,
      {
        context: { ref: name },
      },
    );
  }
  const id = change.snapshotId ?? metadata['current-snapshot-id'];
  if (id === undefined) throw invalid(`The table has no snapshot that \`${name}\` could name.`);
  if (!metadata.snapshots.some((snapshot) => snapshot['snapshot-id'] === id)) {
    throw new LochError('not_found', `The table has no snapshot ${id}.`, { context: { snapshotId: id } });
  }
  return {
    action: 'set-snapshot-ref',
    'ref-name': name,
    type: kind,
    'snapshot-id': id,
    ...(change.maxRefAgeMs === undefined ? {} : { 'max-ref-age-ms': change.maxRefAgeMs }),
    ...(change.maxSnapshotAgeMs === undefined ? {} : { 'max-snapshot-age-ms': change.maxSnapshotAgeMs }),
    ...(change.minSnapshotsToKeep === undefined ? {} : { 'min-snapshots-to-keep': change.minSnapshotsToKeep }),
  };
}

function requireReference(metadata: TableMetadata, name: string): TableMetadata['refs'][string] {
  const known = metadata.refs[name];
  if (known !== undefined) return known;
  throw new LochError(
    'not_found',
    `No branch or tag \`${name}\`. Known: ${Object.keys(metadata.refs).join(', ') || 'none'}.`,
    { context: { ref: name } },
  );
}

function isAncestor(metadata: TableMetadata, ancestor: string, of: string): boolean {
  const byId = new Map(metadata.snapshots.map((snapshot) => [snapshot['snapshot-id'], snapshot]));
  for (let at = byId.get(of); at !== undefined; at = byId.get(at['parent-snapshot-id'] ?? '')) {
    if (at['snapshot-id'] === ancestor) return true;
  }
  return false;
}

const invalid = (message: string): LochError => new LochError('invalid_argument', message);
