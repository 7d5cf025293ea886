import { expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { isLochError } from '../../core/errors.ts';
import { openMemoryStore } from '../../storage/stores/memory/index.ts';
import { bytesOf, objectStoreSuite, patterned, SUITE_MIN_PART_BYTES } from '../suites/object-store.ts';
import { faulty } from './faulty.ts';

objectStoreSuite('memory store behind faulty() without faults', async () => {
  const store = faulty(openMemoryStore({ clock: systemClock, minPartBytes: SUITE_MIN_PART_BYTES }), { seed: 1 });
  return { store, close: () => store.close() };
});

async function retried<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isLochError(error, 'unavailable')) throw error;
    }
  }
}

it('ends in the right state when every call is retried, and injects each kind of fault', async () => {
  const store = faulty(openMemoryStore({ clock: systemClock }), {
    seed: 7,
    putFails: 0.2,
    replyLost: 0.2,
    readFails: 0.2,
    bodyBreaks: 0.2,
  });
  await store.createBucket('lake', { region: 'us-east-1', ownerAccountId: '000000000000' });
  for (let i = 0; i < 100; i++) await retried(() => store.put('lake', `k${i}`, patterned(100 + i, i)));
  for (let i = 0; i < 100; i++) {
    const bytes = await retried(async () => bytesOf(await store.get('lake', `k${i}`)));
    expect(bytes.equals(patterned(100 + i, i))).toBe(true);
  }
  expect((await retried(() => store.list('lake'))).objects).toHaveLength(100);
  for (const count of Object.values(store.injected)) expect(count).toBeGreaterThan(5);
});

it('injects the same faults for the same seed', async () => {
  const outcomes = async () => {
    const store = faulty(openMemoryStore({ clock: systemClock }), { seed: 3, putFails: 0.5 });
    await store.createBucket('lake', { region: 'us-east-1', ownerAccountId: '000000000000' });
    const found: boolean[] = [];
    for (let i = 0; i < 30; i++) {
      found.push(
        await store.put('lake', 'k', Buffer.from('x')).then(
          () => true,
          () => false,
        ),
      );
    }
    return found;
  };
  expect(await outcomes()).toEqual(await outcomes());
});
