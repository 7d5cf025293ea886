/**
 * Reads every byte of every version, slowly, over and over: a full round takes three weeks at most.
 *
 * Invariants
 * - Progress and findings are durable; a restart goes on where it was.
 * - A version that is found damaged is marked at once, so that no read gives wrong bytes, then repaired from another
 *   place that still holds it, if one does and what it holds is right.
 * - It reads no faster than it must: clients come first.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../../core/clock.ts';
import type { Lifecycle } from '../../../core/lifecycle.ts';
import { isLochError } from '../../../core/errors.ts';
import type { MetadataStore } from '../../../metadata/contract.ts';
import type { Damage, ScrubState } from './scrub-procedures.ts';
import type { ObjectRow } from './rows.ts';
import objectStore from './store.ts';
import { tierOf } from '../../tiers/tiered-places.ts';
import { repairVersion, type RepairPlaces } from './repair-version.ts';
import { storedBytes, type Verdict, verifyVersion } from './verify-version.ts';

const { procedures } = objectStore;
const PAGE = 100;
const DAY_MS = 86_400_000;
/** A round is over in this time at most, so that every byte is read within thirty days. */
const ROUND_MS = 21 * DAY_MS;
/** Between the begin of a round and that of the next, unless it takes longer. */
const EVERY_MS = 7 * DAY_MS;
const LEAST_BYTES_PER_S = 8 * 1024 * 1024;
/** After a start, so that it does not read what is being opened. */
const FIRST_LOOK_MS = 60_000;
const LOOK_EVERY_MS = 600_000;
const LISTED = 1000;

/** What `loch status` and the console show of the scrub. */
export interface ScrubStatus {
  readonly state: 'never' | 'running' | 'done';
  readonly startedAt?: number;
  /** When the last full round ended. */
  readonly lastEndedAt?: number;
  readonly versions: number;
  readonly bytes: number;
  readonly sealed: number;
  readonly damages: readonly Damage[];
}

export interface Scrubber extends Lifecycle {
  /** Reads everything now, as fast as it can: the rest of the round under way, or a new one. */
  run(signal: AbortSignal): Promise<ScrubStatus>;
  status(): Promise<ScrubStatus>;
}

/** A scrubber, for the store that it belongs to. */
export interface OpenScrubber extends Scrubber {
  /** Looks at a version at once: a read found it wrong. */
  suspect(row: ObjectRow): void;
}

export interface ScrubDeps extends RepairPlaces {
  readonly store: MetadataStore;
  readonly clock: Clock;
  /** False: only when asked. */
  readonly background: boolean;
  readonly onFailure: (error: unknown) => void;
}

interface Way {
  /** Waits for so many bytes that were read. */
  readonly pace: (bytes: number) => Promise<void>;
  /** Whether places are read that lie across a network; else they are asked whether the version is there. */
  readonly everywhere: boolean;
}

/** The scrubber of a local store. */
export function openScrubber(deps: ScrubDeps): OpenScrubber {
  const { store, clock } = deps;
  const stop = new AbortController();
  let working: Promise<unknown> = Promise.resolve();
  const queued = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = working.then(work, work);
    working = mine.catch(() => undefined); // told to whoever asked for it
    return mine;
  };

  const look = async (row: ObjectRow, { pace, everywhere }: Way, signal: AbortSignal): Promise<Verdict> => {
    if (row.size === 0 && row.segment === null) return { kind: 'sound', bytes: 0 };
    const tier = tierOf(row);
    const holds = tier === undefined || everywhere ? undefined : deps.tier(tier).holds;
    if (tier !== undefined && holds !== undefined) {
      if (await holds.call(deps.tier(tier), row.version_id)) return { kind: 'sealed', bytes: 0 };
      return { kind: 'missing', detail: `It is gone from ${deps.tier(tier).location}.` };
    }
    return verifyVersion(storedBytes(deps, row), row, { signal, onBytes: pace });
  };

  /** Looks at a version; what is wrong with it is marked, and mended if it can be. */
  const scrub = async (row: ObjectRow, way: Way, signal: AbortSignal): Promise<Verdict> => {
    let verdict: Verdict;
    try {
      verdict = await look(row, way, signal);
    } catch (error) {
      // A disk that is away tells nothing about its bytes.
      if (isLochError(error, 'unavailable')) return { kind: 'sealed', bytes: 0 };
      throw error;
    }
    if (verdict.kind === 'sound' || verdict.kind === 'sealed') {
      if (row.detail.includes('"damaged":')) await store.write(procedures.markSound, { row });
      return verdict;
    }
    const { kind, detail } = verdict;
    const there = await store.write(procedures.markDamaged, { row, kind, detail, at: clock.now() });
    if (there && (await repairVersion(deps, row))) await store.write(procedures.markSound, { row });
    return verdict;
  };

  const round = async (way: Way, signal: AbortSignal): Promise<void> => {
    let state = await store.read(procedures.scrubState, {});
    if (state.endedAt !== null) state = begun(state, clock.now());
    for (;;) {
      const { rows, last } = await store.read(procedures.scrubPage, { after: state.position, limit: PAGE });
      let { versions, bytes, sealed } = state;
      for (const row of rows) {
        signal.throwIfAborted();
        const verdict = await scrub(row, way, signal);
        versions++;
        if ('bytes' in verdict) bytes += verdict.bytes;
        if (verdict.kind === 'sealed') sealed++;
      }
      state = { ...state, versions, bytes, sealed, position: last };
      if (last === null) {
        const endedAt = clock.now();
        await store.write(procedures.saveScrub, { ...state, endedAt, lastBytes: state.bytes, lastEndedAt: endedAt });
        return;
      }
      await store.write(procedures.saveScrub, state);
    }
  };

  const status = async (): Promise<ScrubStatus> => {
    const state = await store.read(procedures.scrubState, {});
    return {
      state: state.cycle === 0 ? 'never' : state.endedAt === null ? 'running' : 'done',
      ...(state.cycle === 0 ? {} : { startedAt: state.startedAt }),
      ...(state.lastEndedAt === null ? {} : { lastEndedAt: state.lastEndedAt }),
      versions: state.versions,
      bytes: state.bytes,
      sealed: state.sealed,
      damages: await store.read(procedures.damages, { limit: LISTED }),
    };
  };

  const background = async (): Promise<void> => {
    const state = await store.read(procedures.scrubState, {});
    if (state.endedAt !== null && clock.now() - state.startedAt < EVERY_MS) return;
    const rate = Math.max(LEAST_BYTES_PER_S, (state.lastBytes * 1000) / ROUND_MS);
    const pace = async (bytes: number) => {
      await sleep((bytes * 1000) / rate, undefined, { signal: stop.signal, ref: false });
    };
    await round({ pace, everywhere: false }, stop.signal);
  };

  const inTurn = () =>
    void queued(background).catch((error: unknown) => {
      if (!stop.signal.aborted) deps.onFailure(error);
    });
  const first = deps.background ? setTimeout(inTurn, FIRST_LOOK_MS).unref() : undefined;
  const timer = deps.background ? setInterval(inTurn, LOOK_EVERY_MS).unref() : undefined;

  /** Not queued: a round in the background takes weeks. */
  const suspects = new Map<string, Promise<unknown>>();
  const suspect = (row: ObjectRow): void => {
    if (stop.signal.aborted || suspects.has(row.version_id)) return;
    const work = scrub(row, { pace: async () => undefined, everywhere: true }, stop.signal)
      .catch((error: unknown) => {
        if (!stop.signal.aborted) deps.onFailure(error);
      })
      .finally(() => suspects.delete(row.version_id));
    suspects.set(row.version_id, work);
  };

  return {
    status,
    suspect,
    run: (signal) =>
      queued(async () => {
        const way = { pace: async () => undefined, everywhere: true };
        await round(way, AbortSignal.any([signal, stop.signal]));
        return status();
      }),
    async close() {
      clearTimeout(first);
      clearInterval(timer);
      stop.abort();
      await working;
      await Promise.all(suspects.values());
    },
  };
}

function begun(last: ScrubState, now: number): ScrubState {
  const { cycle, lastBytes, lastEndedAt } = last;
  return {
    cycle: cycle + 1,
    startedAt: now,
    endedAt: null,
    versions: 0,
    bytes: 0,
    sealed: 0,
    position: null,
    lastBytes,
    lastEndedAt,
  };
}
