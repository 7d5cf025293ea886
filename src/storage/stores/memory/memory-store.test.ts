import { systemClock } from '../../../core/clock.ts';
import { objectStoreSuite, SUITE_MIN_PART_BYTES } from '../../../testing/suites/object-store.ts';
import { openMemoryStore } from './index.ts';

objectStoreSuite('memory store', async () => {
  const store = openMemoryStore({ clock: systemClock, minPartBytes: SUITE_MIN_PART_BYTES });
  return { store, close: () => store.close() };
});
