import { afterEach, describe, expect, it } from 'vitest';
import type { StoredEvent } from '../../core/events.ts';
import { type MetadataStore, storeCall } from '../../metadata/contract.ts';
import counterStore from './counter-store.ts';

const { add, fail, value, search } = counterStore.procedures;

/** What every metadata store must do. `open` gives an empty store, or the same one again when given what it returned before. */
export function describeMetadataStore(
  name: string,
  open: (again?: string) => Promise<{ readonly store: MetadataStore; readonly place: string }>,
): void {
  describe(name, () => {
    const opened: MetadataStore[] = [];
    afterEach(async () => {
      for (const store of opened.splice(0)) await store.close();
    });
    const openOne = async (again?: string) => {
      const result = await open(again);
      opened.push(result.store);
      return result;
    };

    it('reads what was written, and a committed row is there after a reopen', async () => {
      const { store, place } = await openOne();
      expect(await store.write(add, { name: 'a', by: 2 })).toBe(2);
      expect(await store.read(value, { name: 'a' })).toBe(2);
      await store.close();
      const { store: second } = await openOne(place);
      expect(await second.read(value, { name: 'a' })).toBe(2);
    });

    it('undoes a body that throws, and it alone', async () => {
      const { store } = await openOne();
      const [, failed] = await Promise.allSettled([
        store.write(add, { name: 'kept', by: 1 }),
        store.write(fail, { name: 'undone' }),
        store.write(add, { name: 'kept', by: 1 }),
      ]);
      expect(failed).toMatchObject({
        status: 'rejected',
        reason: { code: 'precondition_failed', context: { name: 'undone' } },
      });
      expect(await store.read(value, { name: 'kept' })).toBe(2);
      expect(await store.read(value, { name: 'undone' })).toBeUndefined();
    });

    it('runs several calls as one transaction, all or nothing', async () => {
      const { store } = await openOne();
      expect(
        await store.transact([storeCall(add, { name: 'x', by: 1 }), storeCall(add, { name: 'y', by: 5 })]),
      ).toEqual([1, 5]);
      await expect(
        store.transact([storeCall(add, { name: 'x', by: 1 }), storeCall(fail, { name: 'z' })]),
      ).rejects.toMatchObject({ code: 'precondition_failed' });
      expect(await store.read(value, { name: 'x' })).toBe(1);
    });

    it('publishes the events of a commit in order, and none of a transaction that failed', async () => {
      const { store } = await openOne();
      const seen: StoredEvent[] = [];
      store.onCommitted((events) => void seen.push(...events));
      await store.write(add, { name: 'one', by: 1 });
      await store
        .transact([storeCall(add, { name: 'lost', by: 1 }), storeCall(fail, { name: 'z' })])
        .catch(() => undefined);
      await store.write(add, { name: 'two', by: 1 });
      expect(seen.map((event) => event.payload)).toEqual([{ bucket: 'one' }, { bucket: 'two' }]);
      expect(await store.readOutbox(0, 10)).toEqual(seen);
      expect(seen[1]!.sequence).toBeGreaterThan(seen[0]!.sequence);
    });

    it('moves a consumer of the outbox in the transaction of what it did', async () => {
      const { store } = await openOne();
      expect(await store.consumerPosition('reader')).toBe(0);
      await store.transact([storeCall(add, { name: 'done', by: 1 }), store.advanceConsumer('reader', 7)]);
      expect(await store.consumerPosition('reader')).toBe(7);
      await store.transact([store.advanceConsumer('reader', 9), storeCall(fail, { name: 'z' })]).catch(() => undefined);
      expect(await store.consumerPosition('reader')).toBe(7);
    });

    it('removes old events once every consumer that runs has passed them', async () => {
      const { store } = await openOne();
      await store.transact([store.advanceConsumer('nobody runs it', 1)]);
      expect(await store.consumerPosition('slow')).toBe(0);
      await store.readerPosition('of another log');
      for (const name of ['one', 'two', 'three']) await store.write(add, { name, by: 1 });
      const later = Date.now() + 60_000;
      const kept = async () => (await store.readOutbox(0, 10)).map((event) => event.payload);
      expect(await store.trimOutbox(later)).toBe(0); // the slow one has passed none
      await store.transact([store.advanceConsumer('slow', 2)]);
      expect(await store.trimOutbox(Date.now() - 60_000)).toBe(0); // they are not old
      expect(await store.trimOutbox(later)).toBe(2);
      expect(await kept()).toEqual([{ bucket: 'three' }]);
      expect(await store.trimOutbox(later)).toBe(0);
    });

    it('finds documents by all words, the last as a prefix, and takes operators as words', async () => {
      const { store } = await openOne();
      await store.write(add, { name: 'customer_email', by: 1 });
      await store.write(add, { name: 'customerAddress', by: 1 });
      expect(await store.read(search, { query: 'customer ema' })).toEqual(['customer_email']);
      expect((await store.read(search, { query: 'customer' })).sort()).toEqual(['customerAddress', 'customer_email']);
      expect(await store.read(search, { query: 'NOT "email" OR (' })).toEqual([]);
      expect(await store.read(search, { query: '***' })).toEqual([]);
    });

    it('loses none of many writes at once', async () => {
      const { store } = await openOne();
      await Promise.all(Array.from({ length: 1000 }, (_, i) => store.write(add, { name: `n${i % 10}`, by: 1 })));
      for (let i = 0; i < 10; i++) expect(await store.read(value, { name: `n${i}` })).toBe(100);
    });

    it('refuses to run a write procedure as a read', async () => {
      const { store } = await openOne();
      expect(() => store.read(add, { name: 'a', by: 1 })).toThrow(/writes/);
    });
  });
}
