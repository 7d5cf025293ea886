/** A change happened, its caller was told that it failed, and asks for the same again: it has one effect. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../../core/clock.ts';
import type { StoredEvent } from '../../../core/events.ts';
import type { MetadataStore } from '../../../metadata/contract.ts';
import { openSqliteStore } from '../../../metadata/sqlite/store.ts';
import { faulty } from '../../../testing/faults/faulty.ts';
import { bytesOf, codeOf, patterned } from '../../../testing/suites/object-store.ts';
import type { ObjectStore } from '../../contract.ts';
import { type LocalObjectStore, localStoreModule, openLocalStore } from './index.ts';

const OWNER = { region: 'us-east-1', ownerAccountId: '000000000000' };
let directory: string;
let metadata: MetadataStore;
let store: LocalObjectStore;
const events: StoredEvent[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'loch-lost-replies-'));
  metadata = await openSqliteStore({ file: join(directory, 'metadata.db'), modules: [localStoreModule] });
  metadata.onCommitted((committed) => events.push(...committed));
  const options = { directory: join(directory, 'objects'), clock: systemClock, minPartBytes: 1, sweepEveryMs: 0 };
  store = await openLocalStore({ ...options, store: metadata });
  for (const bucket of ['plain', 'kept']) await store.createBucket(bucket, OWNER);
  await store.setVersioning('kept', 'Enabled');
});
afterAll(async () => {
  await store.close();
  await metadata.close();
  await rm(directory, { recursive: true, force: true });
});

/** Does `work` once with its reply lost, then once more with an answer. */
async function again<T>(work: (on: ObjectStore) => Promise<T>): Promise<T> {
  expect(await codeOf(work(faulty(store, { seed: 1, replyLost: 1 })))).toBe('unavailable');
  return work(store);
}

const versionsOf = async (bucket: string, key: string) => (await store.listVersions(bucket, { prefix: key })).versions;

for (const [what, size] of [
  ['small', 100],
  ['large', 100_000],
] as const) {
  it(`writes a ${what} object once where no versions are kept`, async () => {
    const head = await again((on) => on.put('plain', what, patterned(size)));
    const versions = await versionsOf('plain', what);
    expect(versions.map(({ versionId }) => versionId)).toEqual([head.versionId]);
    expect((await bytesOf(await store.get('plain', what))).equals(patterned(size))).toBe(true);
  });

  it(`tells a repeated write of a ${what} object on a condition that it came before`, async () => {
    const key = `${what}-once`;
    const repeated = again((on) => on.put('kept', key, patterned(size), { ifNoneMatch: '*' }));
    expect(await codeOf(repeated)).toBe('precondition_failed');
    expect(await versionsOf('kept', key)).toHaveLength(1);
  });
}

it('completes an upload once: the repetition is told the same version, in one event', async () => {
  const upload = await store.createUpload('kept', 'parts');
  const part = (number: number) => again((on) => on.putPart(upload, number, patterned(1000 + number, number)));
  const second = await part(2);
  const parts = [await part(1), second];
  expect(await store.parts(upload)).toHaveLength(2);
  events.length = 0;
  const head = await again((on) => on.completeUpload(upload, parts));
  const versions = await versionsOf('kept', 'parts');
  expect(versions.map(({ versionId }) => versionId)).toEqual([head.versionId]);
  await expect.poll(() => events.length).toBe(1);
  const whole = Buffer.concat([patterned(1001, 1), patterned(1002, 2)]);
  expect((await bytesOf(await store.get('kept', 'parts'))).equals(whole)).toBe(true);
});

it('removes a version once, and no other', async () => {
  const [first, second] = [
    await store.put('kept', 'k', patterned(10, 1)),
    await store.put('kept', 'k', patterned(10, 2)),
  ];
  await again((on) => on.delete('kept', 'k', { versionId: second.versionId }));
  const versions = await versionsOf('kept', 'k');
  expect(versions.map(({ versionId }) => versionId)).toEqual([first.versionId]);
});

it('deletes once where no versions are kept, and hides the same object where they are', async () => {
  await store.put('plain', 'gone', patterned(10));
  await again((on) => on.delete('plain', 'gone'));
  expect(await versionsOf('plain', 'gone')).toEqual([]);
  const { versionId } = await store.put('kept', 'hidden', patterned(10));
  await again((on) => on.delete('kept', 'hidden'));
  expect(await codeOf(store.get('kept', 'hidden'))).toBe('object_not_found');
  const versions = await versionsOf('kept', 'hidden');
  expect(versions.filter((version) => version.deleteMarker !== true).map((version) => version.versionId)).toEqual([
    versionId,
  ]);
});

it('copies once where no versions are kept', async () => {
  await store.put('plain', 'source', patterned(100_000, 9));
  const head = await again((on) => on.copy({ bucket: 'plain', key: 'source' }, { bucket: 'plain', key: 'copy' }));
  const versions = await versionsOf('plain', 'copy');
  expect(versions.map(({ versionId }) => versionId)).toEqual([head.versionId]);
  expect((await bytesOf(await store.get('plain', 'copy'))).equals(patterned(100_000, 9))).toBe(true);
});
