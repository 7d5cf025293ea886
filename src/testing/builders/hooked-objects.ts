import { systemClock } from '../../core/clock.ts';
import type { ObjectStore } from '../../storage/contract.ts';
import { openMemoryStore } from '../../storage/stores/memory/index.ts';

/** The memory store with one bucket `raw`, and places where a test may wait or fail. For tests. */
export interface HookedObjects {
  readonly store: ObjectStore;
  /** Called before a put reaches the store; may throw. */
  beforePut: (key: string) => void | Promise<void>;
  /** Called when the put is done and its answer is not given yet; may throw: the reply is lost. */
  afterPut: (key: string) => void | Promise<void>;
  /** Keys of `raw`, in the order in which they were put first. */
  keys(): Promise<string[]>;
  bytes(key: string): Promise<Buffer>;
}

/** Opens it. */
export async function openHookedObjects(): Promise<HookedObjects> {
  const inner = openMemoryStore({ clock: systemClock });
  await inner.createBucket('raw', { region: 'us-east-1', ownerAccountId: '000000000000' });
  const order = new Set<string>();
  const put: ObjectStore['put'] = async (bucket, key, body, options) => {
    await test.beforePut(key);
    const head = await inner.put(bucket, key, body, options);
    order.add(key);
    await test.afterPut(key);
    return head;
  };
  const test: HookedObjects = {
    store: new Proxy(inner, {
      get: (target, name) => {
        if (name === 'put') return put;
        const member = target[name as keyof ObjectStore];
        return typeof member === 'function' ? member.bind(target) : member;
      },
    }),
    beforePut: () => {},
    afterPut: () => {},
    async keys() {
      const there = new Set((await inner.list('raw')).objects.map(({ key }) => key));
      return [...order].filter((key) => there.has(key));
    },
    async bytes(key) {
      const { body } = await inner.get('raw', key);
      return Buffer.concat(await body.toArray());
    },
  };
  return test;
}
