import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DirectoryPlace } from './directory-place.ts';
import { assertStorageClass, traitsOf } from './storage-classes.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'loch-place-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function* text(...parts: string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
}

async function* broken(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('half');
  throw new Error('the disk went away');
}

async function read(place: DirectoryPlace, id: string, range?: { first: number; last: number }): Promise<string> {
  let found = '';
  for await (const part of place.read(id, range)) found += part;
  return found;
}

async function begun(location: string): Promise<DirectoryPlace> {
  const place = new DirectoryPlace('cold', location);
  await place.begin();
  return place;
}

const ID = '0192ab34cd56ef780192ab34cd56ef78';

describe('a directory as a place of colder bytes', () => {
  it('keeps bytes under a version id, gives ranges of them, and replaces them by the same', async () => {
    const place = await begun(join(directory, 'cold'));
    await place.write(ID, text('hello ', 'lake'), {});
    expect(await read(place, ID)).toBe('hello lake');
    expect(await read(place, ID, { first: 6, last: 7 })).toBe('la');
    await place.write(ID, text('hello lake'), {});
    const found = [];
    for await (const { id } of place.entries()) found.push(id);
    expect(found).toEqual([ID]);
    await place.remove(ID);
    await place.remove(ID);
    await expect(read(place, ID)).rejects.toMatchObject({ code: 'data_corrupt' });
    expect(await place.check()).toMatchObject({ ok: true });
  });

  it('shows nothing of a write that failed, and removes what a crash left of one', async () => {
    const place = await begun(directory);
    await expect(place.write(ID, broken(), {})).rejects.toThrow('went away');
    expect(readdirSync(join(directory, '78'))).toEqual([]);
    writeFileSync(join(directory, '78', `${ID}.0011.part`), 'torn');
    const listed = [];
    for await (const entry of place.entries()) listed.push(entry);
    expect(listed).toEqual([]);
    expect(await place.removeParts()).toBe(1);
    expect(readdirSync(join(directory, '78'))).toEqual([]);
  });

  it('takes no id that could lead out of it', async () => {
    const place = await begun(directory);
    await expect(place.write('../../etc/passwd', text('x'), {})).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  it('says that it cannot be used when its disk is gone', async () => {
    const usb = join(directory, 'usb');
    const place = await begun(usb);
    await place.write(ID, text('x'), {});
    // The mount point is there, the disk is not.
    rmSync(usb, { recursive: true });
    mkdirSync(usb);
    expect(await place.check()).toMatchObject({ ok: false });
    for (const work of [() => read(place, ID), () => place.write(ID, text('x'), {}), () => place.remove(ID)]) {
      await expect(work()).rejects.toMatchObject({ code: 'unavailable' });
    }
    expect(readdirSync(usb)).toEqual([]);
  });
});

describe('storage classes', () => {
  it('have a place each, the places of intelligent tiering by use', () => {
    expect(traitsOf({}).place).toBe('hot');
    expect(traitsOf({ storageClass: 'GLACIER_IR' })).toMatchObject({ place: 'cold', online: true });
    expect(traitsOf({ storageClass: 'DEEP_ARCHIVE' })).toMatchObject({ place: 'archive', online: false });
    expect(traitsOf({ storageClass: 'INTELLIGENT_TIERING' }).place).toBe('hot');
    expect(traitsOf({ storageClass: 'INTELLIGENT_TIERING', accessTier: 'ARCHIVE_ACCESS' }).online).toBe(false);
  });

  it('are refused by name when unknown or without a tier', () => {
    const all = new Set(['hot', 'cold', 'archive'] as const);
    expect(assertStorageClass('GLACIER', all)).toBe('GLACIER');
    for (const [name, places] of [
      ['FROZEN', all],
      ['toString', all],
      ['GLACIER', new Set(['hot', 'cold'] as const)],
    ] as const) {
      expect(() => assertStorageClass(name, places)).toThrow(
        expect.objectContaining({ context: { s3_code: 'InvalidStorageClass', storageClass: name } }),
      );
    }
  });
});
