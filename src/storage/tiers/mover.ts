/**
 * Moves bytes to where their versions belong, makes and removes restored copies.
 *
 * Invariants
 * - Bytes are durable in their new place before the transaction that swaps the place; the old ones are garbage after it.
 * - What cannot be moved now (a disk that is not attached) waits and is tried again; nothing is lost meanwhile.
 * - One move at a time: the store's own work comes first.
 */
import { Readable } from 'node:stream';
import type { Clock } from '../../core/clock.ts';
import { LochError, toLochError } from '../../core/errors.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import { type MetadataStore, storeCall } from '../../metadata/contract.ts';
import { headOf, keyText, type ObjectRow } from '../stores/local/rows.ts';
import { bytesOnDisk } from '../stores/local/sealed-file.ts';
import { checked, rotten, storedCheckOf } from '../stores/local/stored-check.ts';
import objectStore from '../stores/local/store.ts';
import type { MoveRow, RestoreRow } from '../stores/local/tier-procedures.ts';
import type { BytePlaces, Placed } from '../stores/places.ts';
import type { MoverReport, TierPlace } from './contract-types.ts';
import { type PlaceName, traitsOf } from './storage-classes.ts';
import { tierOf } from './tiered-places.ts';

const { procedures } = objectStore;
const BATCH = 100;
const RETRY_MS = 60_000;
const MAX_RETRY_MS = 6 * 3_600_000;

export interface MoverDeps {
  readonly store: MetadataStore;
  readonly clock: Clock;
  readonly hot: BytePlaces;
  readonly tiers: ReadonlyMap<PlaceName, { readonly number: number; readonly place: TierPlace }>;
  readonly restored: TierPlace;
  /** How long a day of restored copies lasts. **Units**: milliseconds. */
  readonly dayMs: number;
  /** How long bytes that nothing names stay. **Units**: milliseconds. */
  readonly graceMs: number;
  /** Runs work that no sweep may come between. */
  readonly alone: <T>(work: () => Promise<T>) => Promise<T>;
  /** 0: only when asked. **Units**: milliseconds. */
  readonly everyMs: number;
  readonly onFailure: (error: unknown) => void;
}

export interface Mover extends Lifecycle {
  /** Moves, restores and expires all that is due. */
  settle(): Promise<MoverReport>;
  /** Looks soon: something was queued. */
  wake(): void;
  /** Removes bytes in tiers that nothing names, past the grace. */
  sweep(): Promise<number>;
}

/** The mover. Nothing runs before its first look. */
export function openMover(deps: MoverDeps): Mover {
  const { store, clock, hot, tiers, restored } = deps;
  const stop = new AbortController();
  const byNumber = new Map([...tiers.values()].map(({ number, place }) => [number, place]));
  let working: Promise<unknown> = Promise.resolve();
  const queued = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = working.then(work, work);
    working = mine.catch(() => undefined); // told to whoever asked for it
    return mine;
  };

  const placeAt = (number: number): TierPlace => {
    const place = byNumber.get(number);
    if (place !== undefined) return place;
    throw new LochError(
      'unavailable',
      `Tier number ${number} is not configured any more. Set \`storage.tiers\` as it was.`,
    );
  };

  /** The bytes of a version as they lie (sealed ones sealed), from where they lie. */
  async function* bytesOf(row: ObjectRow): AsyncGenerator<Buffer> {
    const size = bytesOnDisk(headOf(row));
    if (size === 0) return;
    const number = tierOf(row);
    // Opened with the first byte that is asked for: who cannot write asks for none.
    if (number !== undefined) yield* placeAt(number).read(row.version_id);
    else {
      const stored = await hot.read(row, { first: 0, last: size - 1 });
      const check = row.segment === null ? storedCheckOf(row) : undefined;
      // Rot is not to be copied: the tier would hold it with checksums that are right.
      yield* check === undefined ? stored : checked(stored, check, () => rotten(headOf(row)));
    }
  }

  const moveTo = async (row: ObjectRow, target: PlaceName): Promise<boolean> => {
    const name = { bucket: row.bucket, key: row.key, versionId: row.version_id };
    const from = { segment: row.segment, place: row.place };
    if (target === 'hot') {
      // Bytes of this name may wait to be swept: nobody sweeps until the row names them again, which forgets the garbage.
      return deps.alone(async () => {
        const placed = await placeHot(row);
        try {
          const change = { ...name, from, to: placed.row, at: clock.now() };
          const [swapped] = await store.transact([storeCall(procedures.moved, change), ...(placed.also ?? [])]);
          if (swapped !== true) await placed.discard();
          return swapped === true;
        } finally {
          placed.decided();
        }
      });
    }
    const tier = tiers.get(target);
    if (tier === undefined) {
      throw new LochError('unavailable', `The tier \`${target}\` is not configured. Set \`storage.tiers.${target}\`.`);
    }
    await deps.alone(() => store.write(procedures.reclaim, { versionId: row.version_id, place: tier.number }));
    const size = bytesOnDisk(headOf(row));
    await tier.place.write(row.version_id, bytesOf(row), { size, signal: stop.signal });
    const to = { segment: null, place: tier.number };
    const swapped = await store.write(procedures.moved, { ...name, from, to, at: clock.now() }); // the commit point
    if (!swapped) await tier.place.remove(row.version_id);
    return swapped;
  };

  const placeHot = async (row: ObjectRow): Promise<Placed> => {
    const name = { bucket: row.bucket, key: keyText(row.key), versionId: row.version_id };
    const options = { contentLength: bytesOnDisk(headOf(row)), signal: stop.signal };
    return hot.place(name, Readable.from(bytesOf(row)), options, async () => undefined);
  };

  const move = async ({ bucket, key, version_id: versionId }: MoveRow): Promise<boolean> => {
    for (let attempt = 1; ; attempt++) {
      const row = await store.read(procedures.placed, { bucket, key, versionId });
      const target = row === undefined ? undefined : traitsOf(headOf(row).attributes).place;
      const there = row === undefined ? undefined : tierOf(row);
      const at = there === undefined ? 'hot' : [...tiers].find(([, { number }]) => number === there)?.[0];
      if (row === undefined || target === undefined || target === at) {
        await store.write(procedures.settled, { versionId });
        return false;
      }
      if (await moveTo(row, target)) return true;
      // Its segment was compacted, or it became another version's elder, between the read and the swap.
      if (attempt < 3) continue;
      throw new LochError('conflict', `s3://${bucket}/${keyText(key)} changes its place while it is moved.`);
    }
  };

  const restore = async (row: RestoreRow): Promise<void> => {
    const { bucket, key, version_id: versionId } = row;
    const version = await store.read(procedures.placed, { bucket, key, versionId });
    if (version !== undefined) {
      const size = bytesOnDisk(headOf(version));
      await restored.write(versionId, bytesOf(version), { size, signal: stop.signal });
    }
    const until = restoreEnd(clock.now(), row.days, deps.dayMs);
    const there = await store.write(procedures.restored, { bucket, key, versionId, until });
    if (!there) await restored.remove(versionId);
  };

  const expire = async ({ bucket, key, version_id: versionId }: RestoreRow): Promise<void> => {
    await store.write(procedures.endRestore, { bucket, key, versionId });
    await restored.remove(versionId);
  };

  const settle = async (): Promise<MoverReport> => {
    const report = { moved: 0, restored: 0, expired: 0, postponed: 0 };
    for (;;) {
      const restores = await store.read(procedures.restores, { now: clock.now(), limit: BATCH });
      const moves = await store.read(procedures.moves, { now: clock.now(), limit: BATCH });
      for (const row of restores) {
        if (stop.signal.aborted) return report;
        try {
          if (row.state === 'ongoing') {
            await restore(row);
            report.restored++;
          } else {
            await expire(row);
            report.expired++;
          }
        } catch (error) {
          if (stop.signal.aborted) return report;
          report.postponed++;
          const until = clock.now() + RETRY_MS;
          await store.write(procedures.postponeRestore, { versionId: row.version_id, until, failure: reasonOf(error) });
          deps.onFailure(error);
        }
      }
      for (const row of moves) {
        if (stop.signal.aborted) return report;
        try {
          if (await move(row)) report.moved++;
        } catch (error) {
          if (stop.signal.aborted) return report;
          report.postponed++;
          const pause = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** row.attempts);
          const until = clock.now() + pause;
          await store.write(procedures.postpone, { versionId: row.version_id, until, failure: reasonOf(error) });
          deps.onFailure(error);
        }
      }
      if (restores.length < BATCH && moves.length < BATCH) return report;
    }
  };

  const sweepPlace = async (place: TierPlace, orphansOf: (ids: string[]) => Promise<string[]>): Promise<number> => {
    let removed = await place.removeParts();
    let batch: string[] = [];
    const flush = async () => {
      for (const id of await orphansOf(batch)) {
        await place.remove(id);
        removed++;
      }
      batch = [];
    };
    for await (const { id, changedAt } of place.entries()) {
      if (stop.signal.aborted) return removed;
      if (changedAt > clock.now() - deps.graceMs) continue;
      batch.push(id);
      if (batch.length >= BATCH) await flush();
    }
    await flush();
    return removed;
  };

  const sweep = async (): Promise<number> => {
    let removed = 0;
    const sweepIfThere: typeof sweepPlace = async (...args) => {
      try {
        return await sweepPlace(...args);
      } catch (error) {
        deps.onFailure(error); // one that is away holds up no other
        return 0;
      }
    };
    for (const { number, place } of tiers.values()) {
      removed += await sweepIfThere(place, (versionIds) =>
        store.read(procedures.tierOrphans, { place: number, versionIds }),
      );
    }
    return (
      removed + (await sweepIfThere(restored, (versionIds) => store.read(procedures.restoreOrphans, { versionIds })))
    );
  };

  let soon: NodeJS.Timeout | undefined;
  const round = () => void queued(settle).catch(deps.onFailure);
  const timer = deps.everyMs === 0 ? undefined : setInterval(round, deps.everyMs).unref();
  if (deps.everyMs !== 0) round();

  return {
    settle: () => queued(settle),
    sweep: () => queued(sweep),
    wake() {
      if (deps.everyMs === 0 || soon !== undefined || stop.signal.aborted) return;
      soon = setTimeout(() => {
        soon = undefined;
        round();
      }, 50).unref();
    },
    async close() {
      clearInterval(timer);
      clearTimeout(soon);
      stop.abort();
      await working;
      for (const { place } of tiers.values()) await place.close?.();
      await restored.close?.();
    },
  };
}

/** When a copy made now for so many days goes: at the next midnight UTC after them. */
export function restoreEnd(now: number, days: number, dayMs: number): number {
  return Math.ceil((now + days * dayMs) / dayMs) * dayMs;
}

const reasonOf = (error: unknown): string => toLochError(error).message;
