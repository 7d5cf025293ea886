import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';

const REMEMBERED = 10_000;

/**
 * Makes directories and their entries durable: a directory counts as made once its parent's entry is on disk.
 *
 * Directories found rather than made are synced as well, once: an earlier process may have been killed between
 * making and syncing them.
 */
export class DurableDirectories {
  readonly #root: string;
  readonly #made = new Map<string, Promise<void>>();
  readonly #syncs = new Map<string, { running: Promise<void>; next: Promise<void> | undefined }>();

  /** `root` exists and is durable; everything asked for lies below it. */
  constructor(root: string) {
    this.#root = root;
  }

  /** Makes `directory` and what is missing above it. Resolves when all of it is durable. */
  ensure(directory: string): Promise<void> {
    if (directory === this.#root) return Promise.resolve();
    const known = this.#made.get(directory);
    if (known !== undefined) return known;
    const made = this.#make(directory);
    if (this.#made.size >= REMEMBERED) this.#made.delete(this.#made.keys().next().value as string);
    this.#made.set(directory, made);
    made.catch(() => this.#made.delete(directory));
    return made;
  }

  async #make(directory: string): Promise<void> {
    const parent = dirname(directory);
    await this.ensure(parent);
    try {
      await mkdir(directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    await this.sync(parent);
  }

  /** Forgets `directory`, which is about to be removed or was found missing, and all above it. */
  forget(directory: string): void {
    for (let at = directory; at.length > this.#root.length; at = dirname(at)) this.#made.delete(at);
  }

  /** Resolves when the entries of `directory` made before this call are on disk. Calls that wait share one fsync. */
  sync(directory: string): Promise<void> {
    const state = this.#syncs.get(directory);
    if (state !== undefined) {
      // The running fsync may have passed our entry already; only one that begins later covers it.
      state.next ??= state.running.then(
        () => this.#start(directory),
        () => this.#start(directory),
      );
      return state.next;
    }
    return this.#start(directory);
  }

  #start(directory: string): Promise<void> {
    const state = { running: syncDirectory(directory), next: undefined };
    this.#syncs.set(directory, state);
    const done = () => {
      if (this.#syncs.get(directory) === state && state.next === undefined) this.#syncs.delete(directory);
    };
    state.running.then(done, done);
    return state.running;
  }
}

/** Fsyncs a directory: the names in it are then durable. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
