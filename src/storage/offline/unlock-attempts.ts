/**
 * Wrong codes are counted on the volume: after ten the bundle's key is destroyed there, and nobody opens it any more.
 *
 * Invariants
 * - An attempt is durable before the code is tried, one byte each, so that neither a crash nor tries at the same time give
 *   more than ten.
 * - It guards the volume, not copies of it: against those the cost of each guess is the guard.
 */
import { open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isLochError, LochError } from '../../core/errors.ts';
import { writeDurably } from './durable-file.ts';
import { destroyedManifest, MANIFEST } from './manifest.ts';

const MAX_ATTEMPTS = 10;
const FILE = 'unlock-attempts';

/** The key that `unlock` gives. **Errors**: `access_denied` for a wrong code, telling how many are left; those of `unlock`. */
export async function countedUnlock(folder: string, bundle: string, unlock: () => Promise<Buffer>): Promise<Buffer> {
  const attempt = await countAttempt(folder);
  if (attempt > MAX_ATTEMPTS) throw await destroyed(folder, bundle);
  try {
    const key = await unlock();
    if (attempt > 0) await removeIfThere(join(folder, FILE));
    return key;
  } catch (error) {
    if (!isLochError(error, 'access_denied') || attempt === 0) throw error;
    if (attempt === MAX_ATTEMPTS) throw await destroyed(folder, bundle, error);
    const left = MAX_ATTEMPTS - attempt;
    throw new LochError('access_denied', `${error.message} ${left} more wrong ones destroy the key of this volume.`, {
      context: { left },
      cause: error,
    });
  }
}

/** Which attempt it is since the last right one; 0 on a medium that cannot be written to. */
async function countAttempt(folder: string): Promise<number> {
  try {
    const file = await open(join(folder, FILE), 'a', 0o600);
    try {
      await file.write(Buffer.of(0x78));
      await file.sync();
      return (await file.stat()).size;
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EROFS') return 0;
    throw new LochError('unavailable', `${folder} cannot be written to, so attempts to open it cannot be counted.`, {
      cause: error,
    });
  }
}

async function destroyed(folder: string, bundle: string, cause?: unknown): Promise<LochError> {
  try {
    await writeDurably(join(folder, MANIFEST), destroyedManifest(bundle));
  } catch (error) {
    // Another try at the same moment has done it.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return new LochError(
    'access_denied',
    `The key of the bundle in ${folder} was destroyed after ${MAX_ATTEMPTS} wrong codes. Export it again.`,
    { context: { bundle }, cause },
  );
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
