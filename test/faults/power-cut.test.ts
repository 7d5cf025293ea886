/**
 * Durability, proven: Loch runs under a system-call trace from its first start on. At answers to clients the disk is
 * rebuilt with everything unsynced dropped, or torn and reordered, and Loch is started on it: what was acknowledged
 * until then must be there.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningLoch, startLoch } from '../../src/testing/builders/running-loch.ts';
import { canTrace, isSent, parseTrace, type TracedEvent, traceCommand } from '../../src/testing/faults/disk-trace.ts';
import { seededRandom } from '../../src/testing/faults/prng.ts';
import {
  type DiskContent,
  type Fate,
  type IgnoredSync,
  type Sightings,
  sightingsOf,
  TracedDisk,
} from '../../src/testing/faults/traced-disk.ts';
import type { Acknowledged } from './acknowledged-objects.ts';
import { acknowledgedWork } from './acknowledged-work.ts';
import { plantOrphans, type SweptStore, sweepStore } from './swept-store.ts';

const CUTS = 4;

/** Seeded fates: of unsynced changes two thirds are lost, the rest is there whole or torn, in any combination. */
function chance(seed: number): () => Fate {
  const random = seededRandom(seed);
  return () => (['lost', 'lost', 'kept', 'torn'] as const)[Math.floor(random() * 4)]!;
}

function layOut(content: DiskContent): string {
  const target = mkdtempSync(join(tmpdir(), 'loch-cut-'));
  for (const [path, bytes] of content) {
    mkdirSync(join(target, bytes === undefined ? path : dirname(path)), { recursive: true, mode: 0o700 });
    if (bytes !== undefined) writeFileSync(join(target, path), bytes, { mode: 0o600 });
  }
  return target;
}

/** The trace of a run, and what it acknowledged. */
interface TracedRun {
  readonly root: string;
  readonly events: readonly TracedEvent[];
  readonly sightings: Sightings;
  readonly acknowledged: readonly Acknowledged[];
}

async function tracedRun(): Promise<TracedRun> {
  const folder = mkdtempSync(join(tmpdir(), 'loch-trace-'));
  const root = join(folder, 'data');
  mkdirSync(root);
  const file = join(folder, 'trace');
  const loch = await startLoch({
    data: root,
    under: traceCommand(file),
    env: { UV_USE_IO_URING: '0' }, // what goes by io_uring, a trace does not see
  });
  try {
    const acknowledged = await acknowledgedWork(loch);
    await loch.kill();
    const events = [...parseTrace(readFileSync(file, 'latin1'))];
    const carried = acknowledged.flatMap(({ carries }) => carries);
    return { root, events, sightings: sightingsOf(events, carried), acknowledged };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Plays the trace onto a disk. `onAnswer` is called as the first byte of each answer leaves, in the order they left. */
function replay(
  run: TracedRun,
  onAnswer: (index: number, disk: TracedDisk) => void,
  ignoreSync: IgnoredSync = () => false,
): void {
  const disk = new TracedDisk(run.root, { sightings: run.sightings, ignoreSync });
  const open = new Map(run.acknowledged.entries());
  for (const event of run.events) {
    if (event.phase === 'start' && isSent(event.call)) {
      const sent = event.call.bytes!;
      for (const [index, { answer }] of open) {
        if (!answer.every((text) => sent.includes(text))) continue;
        open.delete(index);
        onAnswer(index, disk);
      }
    }
    disk.apply(event);
  }
  expect(
    [...open.values()].map(({ what }) => what),
    'answers that the trace does not show',
  ).toEqual([]);
}

/** What was told before it was durable: `what` and the text that was not on the disk. */
function toldTooEarly(run: TracedRun, ignoreSync?: IgnoredSync): string[] {
  const early: string[] = [];
  replay(
    run,
    (index, disk) => {
      const { what, carries } = run.acknowledged[index]!;
      for (const text of carries) if (!disk.holds(text)) early.push(`${what}: ${text}`);
    },
    ignoreSync,
  );
  return early;
}

/** What a Loch that starts on this disk lost of what was promised; `stopped` is called with its disk once it has stopped. */
async function lostAfter(
  content: DiskContent,
  promised: readonly Acknowledged[],
  stopped?: (data: string) => Promise<void>,
): Promise<string[]> {
  const data = layOut(content);
  const lost: string[] = [];
  let again: RunningLoch | undefined;
  try {
    again = await startLoch({ data });
    for (const { what, check } of promised) {
      await check(again).catch((error: Error) => lost.push(`${what}: ${error.message}`));
    }
    await again.stop({ remove: false });
    await stopped?.(data);
  } finally {
    await again?.stop();
    rmSync(data, { recursive: true, force: true });
  }
  return lost;
}

describe.skipIf(!canTrace())('a power cut (skipped where strace cannot trace)', () => {
  let run: TracedRun;
  beforeAll(async () => {
    run = await tracedRun();
  });
  afterAll(() => {
    run = undefined as never;
  });

  it('finds no answer that left before the sync that covers it had returned', () => {
    expect(run.acknowledged.length).toBeGreaterThan(40);
    expect(toldTooEarly(run)).toEqual([]);
  });

  it('would find each kind of answer that leaves too early: of a disk whose syncs do nothing', () => {
    const early = toldTooEarly(run, () => true);
    for (const { what } of run.acknowledged) {
      expect(
        early.some((line) => line.startsWith(what)),
        what,
      ).toBe(true);
    }
    // Segments of small objects, metadata, records of streams, files of large objects: each has its own sync.
    for (const part of [
      '/objects/.segments/',
      '/metadata/',
      '/streams/',
      '/objects/.temporary/',
      '/objects/.uploads/',
    ]) {
      expect(toldTooEarly(run, (path) => path.includes(part)).length, part).toBeGreaterThan(0);
    }
  });

  it('loses nothing acknowledged and shows nothing torn, wherever it falls, whatever becomes of unsynced writes; a sweep leaves no orphan', async () => {
    const last = run.acknowledged.length - 1;
    const cutAt = new Set(Array.from({ length: CUTS }, (_, i) => Math.round((last * (i + 1)) / CUTS)));
    const told: Acknowledged[] = [];
    const cuts: { readonly content: DiskContent; readonly promised: readonly Acknowledged[] }[] = [];
    replay(run, (index, disk) => {
      told.push(run.acknowledged[index]!);
      if (!cutAt.has(told.length - 1)) return;
      const fate = cuts.length % 2 === 0 ? undefined : chance(index);
      cuts.push({ content: disk.afterCut(fate), promised: [...told] });
    });
    expect(cuts.length).toBe(CUTS);
    for (const { content, promised } of cuts) {
      let swept: SweptStore | undefined;
      const lost = await lostAfter(content, promised, async (data) => {
        plantOrphans(data);
        swept = await sweepStore(data);
      });
      expect(lost).toEqual([]);
      expect(swept!.before.filter(({ kind }) => kind !== 'orphan')).toEqual([]);
      for (const planted of ['never-committed', 'cut-short']) {
        expect(
          swept!.before.some(({ what }) => what.includes(planted)),
          planted,
        ).toBe(true);
      }
      expect(swept!.after).toEqual([]);
    }
  }, 240_000);

  it('would be found to lose files and names whose folder was not synced', async () => {
    let content: DiskContent | undefined;
    replay(
      run,
      (index, disk) => {
        if (index === run.acknowledged.length - 1) content = disk.afterCut();
      },
      (path, kind) => kind === 'folder' && path.includes('/objects/raw'),
    );
    const large = run.acknowledged.filter(({ what }) => /PutObject .*object-1300000/.test(what));
    expect(large.length).toBe(4);
    expect((await lostAfter(content!, large)).length).toBe(4);
  }, 120_000);

  it('would be found to lose bytes that were moved to a tier whose files were not synced', async () => {
    let content: DiskContent | undefined;
    replay(
      run,
      (index, disk) => {
        if (index === run.acknowledged.length - 1) content = disk.afterCut();
      },
      (path, kind) => kind === 'file' && path.includes('/tiers/cold/'),
    );
    const inTier = run.acknowledged.filter(({ what }) => what.includes('moved/'));
    expect((await lostAfter(content!, inTier)).length).toBe(1);
  }, 120_000);
});
