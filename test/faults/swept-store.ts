/** What the store of a stopped Loch holds that nothing names, and what a sweep past every grace leaves of it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/core/clock.ts';
import { openSqliteStore } from '../../src/metadata/sqlite/store.ts';
import { loadConfig } from '../../src/platform/config.ts';
import { tierOptions } from '../../src/platform/tiers.ts';
import {
  type FsckFinding,
  fsckLocalStore,
  localStoreModule,
  openLocalStore,
} from '../../src/storage/stores/local/index.ts';

/** Findings before and after the sweep; every byte of every version is read each time. */
export interface SweptStore {
  readonly before: readonly FsckFinding[];
  readonly after: readonly FsckFinding[];
}

/** Leaves in `data` what a crash between a rename and its commit, and one in the middle of a write, leave. */
export function plantOrphans(data: string): void {
  const folder = join(data, 'objects', 'raw', 'planted');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `never-committed~${'0123456789abcdef'.repeat(2)}.bin`), 'bytes');
  writeFileSync(join(data, 'objects', '.temporary', 'cut-short'), 'by');
}

/** Checks, sweeps and checks again. Nothing else has the store open. */
export async function sweepStore(data: string): Promise<SweptStore> {
  const store = await openSqliteStore({ file: join(data, 'metadata', 'loch.db'), modules: [localStoreModule] });
  const tiers = await tierOptions({
    store,
    data: { tiersDirectory: join(data, 'tiers') },
    config: loadConfig({ env: {} }),
    warn: () => undefined,
  });
  const directory = join(data, 'objects');
  const settings = { store, directory, clock: systemClock, tiers };
  const check = async () => {
    const report = await fsckLocalStore(
      { ...settings, lostAndFound: join(data, 'lost+found') },
      { repair: false, quick: false },
    );
    return report.findings;
  };
  try {
    const before = await check();
    const objects = await openLocalStore({
      ...settings,
      tiers: { ...tiers, moveEveryMs: 0 },
      graceMs: -1,
      sweepEveryMs: 0,
    });
    try {
      await objects.sweepUnreferenced();
      // A segment goes one sweep after the last record in it.
      for (let i = 0; i < 3; i++) await objects.sweep();
    } finally {
      await objects.close();
    }
    return { before, after: await check() };
  } finally {
    await store.close();
  }
}
