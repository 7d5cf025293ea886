import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, rename, rmdir, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LochError } from '../../../core/errors.ts';
import { DurableDirectories, syncDirectory } from './durable-directories.ts';
import { objectPath } from './object-path.ts';

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/**
 * The files of one store, all below `root` and so on one file system. Bucket names never begin with a dot, so the
 * folders of our own never collide with a bucket's.
 */
export class ObjectFiles {
  readonly root: string;
  readonly segments: string;
  readonly temporary: string;
  readonly uploads: string;
  readonly directories: DurableDirectories;
  /** Files in place whose transaction is not decided: the recovery scan leaves them alone. */
  readonly undecided = new Set<string>();
  /** Temporary files of this process: the sweeper leaves them alone. */
  readonly writing = new Set<string>();

  private constructor(root: string) {
    this.root = root;
    this.segments = join(root, '.segments');
    this.temporary = join(root, '.temporary');
    this.uploads = join(root, '.uploads');
    this.directories = new DurableDirectories(root);
  }

  static async open(root: string): Promise<ObjectFiles> {
    await mkdir(root, { recursive: true });
    await syncDirectory(dirname(root));
    const files = new ObjectFiles(root);
    for (const own of [files.segments, files.temporary, files.uploads]) await files.directories.ensure(own);
    return files;
  }

  pathOf(bucket: string, key: string, versionId: string): string {
    return join(this.root, bucket, objectPath(key, versionId));
  }

  /** Runs `work` with the path of a new temporary file, which is gone afterwards unless `work` has moved it. */
  async withTemporary<T>(work: (path: string) => Promise<T>): Promise<T> {
    const path = join(this.temporary, randomBytes(16).toString('hex'));
    this.writing.add(path);
    try {
      return await work(path);
    } catch (error) {
      await removeFile(path);
      throw error;
    } finally {
      this.writing.delete(path);
    }
  }

  /**
   * Puts the synced file `source` in its final place and makes the name durable. `link` keeps the source.
   * The caller calls `decided` when its transaction has ended.
   */
  async publish(source: string, target: string, how: 'rename' | 'link'): Promise<void> {
    const directory = dirname(target);
    this.undecided.add(target);
    for (let attempt = 1; ; attempt++) {
      try {
        await this.directories.ensure(directory);
        await (how === 'rename' ? rename(source, target) : link(source, target));
        break;
      } catch (error) {
        // The sweeper may just have removed the directory, or one above it, empty as it was.
        if (codeOf(error) !== 'ENOENT' || attempt === 10 || !(await exists(source))) throw error;
        this.directories.forget(directory);
      }
    }
    await this.directories.sync(directory);
  }

  decided(target: string): void {
    this.undecided.delete(target);
  }

  /** Removes an object's file, and the directories that it leaves empty. */
  async remove(target: string): Promise<void> {
    await removeFile(target);
    for (let at = dirname(target); at.length > this.root.length; at = dirname(at)) {
      this.directories.forget(at);
      try {
        await rmdir(at);
      } catch (error) {
        if (codeOf(error) === 'ENOENT') continue;
        if (codeOf(error) === 'ENOTEMPTY' || codeOf(error) === 'EEXIST') return;
        throw error;
      }
    }
  }

  /** Folders of buckets on disk; a bucket without large objects has none. */
  async bucketFolders(): Promise<string[]> {
    const entries = await readdir(this.root, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map((entry) => entry.name);
  }
}

/** Removes a file that may be gone already. */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    return false; // whatever the reason, there is nothing to put in place
  }
}

/** The size of a file, which must be a plain one. **Errors**: `invalid_argument`. */
export async function plainFileSize(path: string): Promise<number> {
  const facts = await stat(path).catch((cause: unknown) => {
    throw new LochError('invalid_argument', `The file \`${path}\` cannot be read.`, { context: { path }, cause });
  });
  if (!facts.isFile())
    throw new LochError('invalid_argument', `\`${path}\` is not a plain file.`, { context: { path } });
  return facts.size;
}

/** Makes the bytes of a file that somebody else wrote durable. */
export async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.datasync();
  } finally {
    await handle.close();
  }
}
