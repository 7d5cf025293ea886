/**
 * Which snapshots and references a table no longer keeps.
 * **Source**: Iceberg specification, "Snapshot Retention Policy"; table properties `history.expire.*`.
 */
import { LochError } from '../../core/errors.ts';
import type { ExpiryOptions, Snapshot, TableMetadata, TableUpdate } from './contract-types.ts';

const MAX_AGE_MS = 5 * 24 * 3_600_000;
const MIN_KEPT = 1;

interface Retention {
  readonly 'max-snapshot-age-ms'?: number;
  readonly 'min-snapshots-to-keep'?: number;
  readonly 'max-ref-age-ms'?: number;
}

/**
 * The updates that take away expired references and snapshots; none when all are kept. A branch keeps its youngest
 * snapshots and those within the age; a tag keeps its own; what no reference leads to goes by age.
 * **Errors**: `unsupported` when the table forbids it (`gc.enabled=false`).
 */
export function expiryUpdates(metadata: TableMetadata, options: ExpiryOptions, now: number): readonly TableUpdate[] {
  if (metadata.properties['gc.enabled'] === 'false') {
    throw new LochError(
      'unsupported',
      `The table at \`${metadata.location}\` keeps everything: its property gc.enabled is false. Set it to true to expire snapshots.`,
      { context: { location: metadata.location } },
    );
  }
  const byId = new Map(metadata.snapshots.map((snapshot) => [snapshot['snapshot-id'], snapshot]));
  const setting = (name: string, fallback: number) => Number(metadata.properties[name] ?? fallback);
  const maxAge = options.maxAgeMs ?? setting('history.expire.max-snapshot-age-ms', MAX_AGE_MS);
  const minKept = Math.max(1, options.minKept ?? setting('history.expire.min-snapshots-to-keep', MIN_KEPT));
  const maxRefAge = setting('history.expire.max-ref-age-ms', Number.POSITIVE_INFINITY);

  const expiredRefs: string[] = [];
  const kept = new Set<string>();
  for (const [name, ref] of Object.entries(metadata.refs)) {
    const head = byId.get(ref['snapshot-id']);
    const retention = ref as Retention;
    const age = head === undefined ? Number.POSITIVE_INFINITY : now - head['timestamp-ms'];
    if (name !== 'main' && age > (retention['max-ref-age-ms'] ?? maxRefAge)) {
      expiredRefs.push(name);
      continue;
    }
    if (ref.type === 'tag') kept.add(ref['snapshot-id']);
    else {
      const limits = {
        count: retention['min-snapshots-to-keep'] ?? minKept,
        since: now - (retention['max-snapshot-age-ms'] ?? maxAge),
      };
      for (const id of keptOfBranch(byId, head, limits)) kept.add(id);
    }
  }
  const led = ancestors(byId, metadata);
  const expired = metadata.snapshots.filter(
    (snapshot) =>
      !kept.has(snapshot['snapshot-id']) &&
      (led.has(snapshot['snapshot-id']) || now - snapshot['timestamp-ms'] > maxAge),
  );
  return [
    ...expiredRefs.map((name) => ({ action: 'remove-snapshot-ref', 'ref-name': name })),
    ...(expired.length === 0
      ? []
      : [{ action: 'remove-snapshots', 'snapshot-ids': expired.map((snapshot) => snapshot['snapshot-id']) }]),
  ];
}

function keptOfBranch(
  byId: ReadonlyMap<string, Snapshot>,
  head: Snapshot | undefined,
  limits: { readonly count: number; readonly since: number },
): string[] {
  const kept: string[] = [];
  for (let at = head; at !== undefined; at = parentOf(byId, at)) {
    if (kept.length >= limits.count && at['timestamp-ms'] < limits.since) break;
    kept.push(at['snapshot-id']);
  }
  return kept;
}

/** Every snapshot some reference leads to: those are expired by their branch's rule, the others by age alone. */
function ancestors(byId: ReadonlyMap<string, Snapshot>, metadata: TableMetadata): Set<string> {
  const led = new Set<string>();
  for (const ref of Object.values(metadata.refs)) {
    for (let at = byId.get(ref['snapshot-id']); at !== undefined; at = parentOf(byId, at)) {
      if (led.has(at['snapshot-id'])) break;
      led.add(at['snapshot-id']);
    }
  }
  return led;
}

function parentOf(byId: ReadonlyMap<string, Snapshot>, snapshot: Snapshot): Snapshot | undefined {
  const parent = snapshot['parent-snapshot-id'];
  return parent === undefined ? undefined : byId.get(parent);
}
