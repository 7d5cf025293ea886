import { statfs } from 'node:fs/promises';
import { LochError } from '../../../core/errors.ts';

const FRESH_MS = 500;

/** Refuses writes before the disk is full, so that what is there can still be read, deleted and swept. */
export class Space {
  readonly #measure: () => Promise<number>;
  readonly #lowBytes: number;
  readonly #directory: string;
  #known: Promise<number> | undefined;
  #measuredAt = 0;

  constructor(options: { directory: string; lowBytes: number; freeBytes?: (() => Promise<number>) | undefined }) {
    this.#directory = options.directory;
    this.#lowBytes = options.lowBytes;
    this.#measure =
      options.freeBytes ??
      (async () => {
        const { bavail, bsize } = await statfs(options.directory);
        return bavail * bsize;
      });
  }

  /** Where it is, and whether it takes writes. */
  async status(): Promise<{ readonly location: string; readonly ok: boolean; readonly detail: string }> {
    const free = await this.#measure();
    const mib = Math.floor(free / 2 ** 20);
    return { location: this.#directory, ok: free >= this.#lowBytes, detail: `${this.#directory}, ${mib} MiB free` };
  }

  /** **Errors**: `disk_full` when less than the watermark would be left. **Cost**: one statfs in half a second, and one for each refusal. */
  async assertRoom(bytes: number): Promise<void> {
    if (this.#known !== undefined && performance.now() - this.#measuredAt <= FRESH_MS) {
      if ((await this.#known) - bytes >= this.#lowBytes) return;
      // Nobody is refused by an old figure: room that was made counts at once.
    }
    this.#measuredAt = performance.now();
    this.#known = this.#measure();
    const free = await this.#known;
    if (free - bytes >= this.#lowBytes) return;
    throw new LochError(
      'disk_full',
      `The disk of \`${this.#directory}\` has ${free} bytes free; writes stop at ${this.#lowBytes}. Free space or add a disk, then retry.`,
      { context: { directory: this.#directory, freeBytes: free, lowBytes: this.#lowBytes } },
    );
  }
}
