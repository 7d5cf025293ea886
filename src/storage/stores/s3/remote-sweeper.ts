/**
 * Removes from the service what nobody needs: versions replaced longer than the grace ago, and what was begun and never
 * named. The age of a version counts from the transaction that dereferenced it, that of an intent from its own.
 */
import type { Clock } from '../../../core/clock.ts';
import type { MetadataStore } from '../../../metadata/contract.ts';
import { type GarbageRow, keyText } from '../local/rows.ts';
import objectStore from '../local/store.ts';
import { TierSweep } from '../local/sweeper.ts';
import type { Claim } from './claim.ts';
import { type Intents, remoteName } from './intents.ts';
import type { RemoteObjects } from './remote-objects.ts';
import remoteStore, { type IntentRow } from './store.ts';

const { procedures } = objectStore;
const { procedures: own } = remoteStore;
const BATCH = 500;
const AT_ONCE = 8;

export interface RemoteSweepDeps {
  readonly store: MetadataStore;
  readonly remote: RemoteObjects;
  readonly intents: Intents;
  readonly claim: Claim;
  readonly clock: Clock;
  readonly graceMs: number;
  /** Removes the bytes of a version from the tier of that number. */
  readonly removeFromTier: (tier: number, versionId: string) => Promise<void>;
}

/** What a sweep removed. */
export interface RemoteSweepReport {
  readonly versions: number;
  readonly leftovers: number;
}

/** One pass. Safe beside reads and writes; one at a time. **Errors**: `conflict` when the place is no longer ours. */
export async function sweepRemote(deps: RemoteSweepDeps): Promise<RemoteSweepReport> {
  await deps.claim.assertHeld();
  const tiers = new TierSweep(deps.removeFromTier);
  const report = { versions: await sweepVersions(deps, tiers), leftovers: await sweepIntents(deps) };
  tiers.tell();
  return report;
}

async function sweepVersions({ store, remote, clock, graceMs }: RemoteSweepDeps, tiers: TierSweep): Promise<number> {
  let swept = 0;
  let after: GarbageRow | undefined;
  for (;;) {
    const page = { before: clock.now() - graceMs, ...(after === undefined ? {} : { after }), limit: BATCH };
    const rows = await store.read(procedures.garbage, page);
    const gone: GarbageRow[] = [];
    await each(rows, async (row) => {
      const name = { bucket: row.bucket, key: keyText(row.key), versionId: row.version_id };
      if (row.place === null) await remote.remove(remoteName(name));
      else if (!(await tiers.removed(row.place, row.version_id))) return;
      gone.push(row);
    });
    if (gone.length > 0) await store.write(procedures.forget, { rows: gone });
    swept += gone.length;
    after = rows.at(-1);
    if (rows.length < BATCH) return swept;
  }
}

async function sweepIntents(deps: RemoteSweepDeps): Promise<number> {
  const { store, clock, graceMs, intents } = deps;
  let removed = 0;
  let after: { placedAt: number; versionId: string } | undefined;
  for (;;) {
    const rows = await store.read(own.intents, {
      before: clock.now() - graceMs,
      ...(after === undefined ? {} : { after }),
      limit: BATCH,
    });
    const idle = rows.filter((row) => !intents.running.has(row.version_id));
    const uploadIds = idle.flatMap(({ upload_id }) => upload_id ?? []);
    const known = new Set(await store.read(procedures.knownUploads, { uploadIds }));
    const ended = idle.filter(({ upload_id }) => upload_id === null || !known.has(upload_id));
    removed += await removeOrphans(deps, ended);
    const last = rows.at(-1);
    if (last === undefined || rows.length < BATCH) return removed;
    after = { placedAt: last.placed_at, versionId: last.version_id };
  }
}

async function removeOrphans({ store, remote }: RemoteSweepDeps, rows: readonly IntentRow[]): Promise<number> {
  if (rows.length === 0) return 0;
  const versions = rows.map(({ bucket, key, version_id }) => ({ bucket, key, versionId: version_id }));
  const orphans = new Set(await store.read(procedures.unreferenced, { versions }));
  const gone = rows.filter(({ version_id }) => orphans.has(version_id));
  await each(gone, async (row) => {
    if (row.remote_upload_id === null) {
      // The service may have begun an upload whose id was lost with the process.
      for await (const { name, uploadId } of remote.uploads(row.name)) await remote.abort(name, uploadId);
    } else await remote.abort(row.name, row.remote_upload_id);
    await remote.remove(row.name);
  });
  await store.write(own.fulfil, { versionIds: rows.map(({ version_id }) => version_id) });
  return gone.length;
}

async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, lane));
}
