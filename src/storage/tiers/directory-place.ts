import { randomBytes } from 'node:crypto';
import { mkdir, open, opendir, rename, stat, statfs, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LochError } from '../../core/errors.ts';
import { syncDirectory } from '../stores/local/durable-directories.ts';
import type { TierPlace, TierWriteOptions, TierWritten } from './contract-types.ts';
import { frameBytesFor, readFrameFile, writeFrameFile } from './frame-file.ts';

const PART = '.part';
/** Tells the directory from an empty mount point of a disk that is not attached. */
const MARKER = 'loch-place';
const ID = /^[0-9a-f]{8,64}$/;

/**
 * A directory of frame files, `<last two digits of the id>/<id>`: an id begins with a time, so its end spreads better.
 * Files are written beside their place and renamed into it.
 */
export class DirectoryPlace implements TierPlace {
  readonly name: string;
  readonly location: string;
  readonly #known = new Set<string>();

  constructor(name: string, location: string) {
    this.name = name;
    this.location = location;
  }

  async begin(): Promise<void> {
    await mkdir(this.location, { recursive: true, mode: 0o700 });
    const handle = await open(join(this.location, MARKER), 'a', 0o600);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    await syncDirectory(this.location);
    await syncDirectory(dirname(this.location));
  }

  async #assertAttached(): Promise<void> {
    try {
      await stat(join(this.location, MARKER));
    } catch (error) {
      throw new LochError(
        'unavailable',
        `The place \`${this.name}\` at ${this.location} is not there: attach its disk, then try again.`,
        { context: { place: this.name, location: this.location }, cause: error },
      );
    }
  }

  #path(id: string): string {
    if (!ID.test(id)) throw new LochError('invalid_argument', `\`${id}\` is no version id.`, { context: { id } });
    return join(this.location, id.slice(-2), id);
  }

  async write(id: string, body: AsyncIterable<Uint8Array>, options: TierWriteOptions): Promise<TierWritten> {
    const path = this.#path(id);
    await this.#assertAttached();
    const folder = join(this.location, id.slice(-2));
    if (!this.#known.has(folder)) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await syncDirectory(this.location);
      this.#known.add(folder);
    }
    const part = `${path}.${randomBytes(6).toString('hex')}${PART}`;
    try {
      const figures = await writeFrameFile(part, body, {
        frameBytes: frameBytesFor(options.size),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
      await rename(part, path);
      await syncDirectory(folder);
      return figures;
    } catch (error) {
      this.#known.delete(folder);
      await removeIfThere(part);
      throw error;
    }
  }

  async *read(id: string, range?: { readonly first: number; readonly last: number }): AsyncGenerator<Buffer> {
    try {
      yield* readFrameFile(this.#path(id), range);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await this.#assertAttached();
      throw new LochError(
        'data_corrupt',
        `The place \`${this.name}\` (${this.location}) does not hold version ${id}. Restore it from a backup.`,
        { context: { place: this.name, versionId: id }, cause: error },
      );
    }
  }

  async remove(id: string): Promise<void> {
    await this.#assertAttached();
    await removeIfThere(this.#path(id));
  }

  async *entries(): AsyncGenerator<{ id: string; storedBytes: number; changedAt: number }> {
    await this.#assertAttached();
    for await (const folder of await opendir(this.location)) {
      if (!folder.isDirectory() || !/^[0-9a-f]{2}$/.test(folder.name)) continue;
      for await (const entry of await opendir(join(this.location, folder.name))) {
        if (!entry.isFile() || !ID.test(entry.name)) continue;
        const { size, ctimeMs } = await stat(join(this.location, folder.name, entry.name));
        yield { id: entry.name, storedBytes: size, changedAt: ctimeMs };
      }
    }
  }

  /** Removes halves of writes that a crash cut short. Called when nobody writes. */
  async removeParts(): Promise<number> {
    await this.#assertAttached();
    let removed = 0;
    for await (const folder of await opendir(this.location)) {
      if (!folder.isDirectory()) continue;
      for await (const entry of await opendir(join(this.location, folder.name))) {
        if (!entry.name.endsWith(PART)) continue;
        await removeIfThere(join(this.location, folder.name, entry.name));
        removed++;
      }
    }
    return removed;
  }

  async check() {
    try {
      await this.#assertAttached();
      const { bavail, bsize } = await statfs(this.location);
      return {
        name: this.name,
        ok: true,
        detail: `${this.location}, ${Math.floor((bavail * bsize) / 2 ** 20)} MiB free`,
      };
    } catch (error) {
      return { name: this.name, ok: false, detail: `${this.location}: ${(error as Error).message}` };
    }
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
