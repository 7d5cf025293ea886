/**
 * Blocks of files by their SHA-256: `blocks/<first two characters>/<hash>`.
 *
 * Invariants
 * - A block appears under its name whole and synced, by rename; what a crash left has a temporary name.
 * - A block is removed only when no point names it, and only by who holds the repository's lock.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LochError } from '../../../core/errors.ts';
import { syncDirectory } from '../manifest.ts';

/** The blocks of a repository. */
export class BlockStore {
  readonly #folder: string;
  /** Folders whose new names are not durable yet. */
  readonly #touched = new Set<string>();

  constructor(repository: string) {
    this.#folder = join(repository, 'blocks');
  }

  #path(hash: string): string {
    return join(this.#folder, hash.slice(0, 2), hash);
  }

  /** Keeps `bytes`; returns their hash, and how many bytes are new. */
  async put(bytes: Uint8Array): Promise<{ readonly hash: string; readonly added: number }> {
    const hash = createHash('sha256').update(bytes).digest('hex');
    const path = this.#path(hash);
    const there = await stat(path).catch(() => undefined);
    if (there?.size === bytes.length) return { hash, added: 0 };
    const folder = join(this.#folder, hash.slice(0, 2));
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(bytes);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    this.#touched.add(folder);
    return { hash, added: bytes.length };
  }

  /** Makes the names of all blocks durable: before a point names them. */
  async sync(): Promise<void> {
    if (this.#touched.size === 0) return;
    for (const folder of this.#touched) await syncDirectory(folder);
    await syncDirectory(this.#folder);
    this.#touched.clear();
  }

  /** The bytes of a block. **Errors**: `data_corrupt` naming it when it is gone or was changed. */
  async get(hash: string): Promise<Buffer> {
    const bytes = await readFile(this.#path(hash)).catch((cause: unknown) => {
      throw new LochError('data_corrupt', `The backup lacks the block ${hash}. Use another point or another backup.`, {
        cause,
      });
    });
    if (createHash('sha256').update(bytes).digest('hex') === hash) return bytes;
    throw new LochError(
      'data_corrupt',
      `The block ${hash} of the backup is not what was written (SHA-256 differs). Use another point or another backup.`,
      { context: { block: hash } },
    );
  }

  /**
   * Removes blocks that `namedBlocks` does not yield, and what crashes left. **Cost**: asks for the named blocks once for
   * each first character of a hash, so that a sixteenth of them is in memory.
   */
  async removeUnnamed(namedBlocks: () => AsyncIterable<string>): Promise<number> {
    let removed = 0;
    for (const first of '0123456789abcdef') {
      const named = new Set<string>();
      for await (const hash of namedBlocks()) if (hash[0] === first) named.add(hash);
      for (const second of '0123456789abcdef') {
        const folder = join(this.#folder, first + second);
        for (const name of await readdir(folder).catch(() => [])) {
          if (named.has(name)) continue;
          await rm(join(folder, name), { force: true });
          removed++;
        }
      }
    }
    return removed;
  }
}
