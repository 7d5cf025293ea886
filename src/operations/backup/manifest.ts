import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { LochError } from '../../core/errors.ts';

/** What a backup holds: every file with its size and SHA-256, so that a restore can prove that nothing is missing. */
export interface BackupManifest {
  readonly format: 1;
  readonly takenAt: string;
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[];
}

export const MANIFEST = 'manifest.json';

/**
 * The manifest of a backup from its text. **Errors**: `data_corrupt` for what is none, or names a file outside of the
 * backup; `configuration` for one of another version.
 */
export function parseManifest(text: string): BackupManifest {
  let parsed: Partial<BackupManifest>;
  try {
    parsed = JSON.parse(text) as Partial<BackupManifest>;
  } catch (cause) {
    throw new LochError('data_corrupt', `${MANIFEST} of the backup is not JSON. Use another backup.`, { cause });
  }
  if (parsed.format !== 1) {
    throw new LochError('configuration', `The backup has format ${String(parsed.format)}; this program knows 1.`, {
      context: { known: 1 },
    });
  }
  const files = Array.isArray(parsed.files) ? parsed.files : [];
  const strange = files.find(
    ({ path }) => typeof path !== 'string' || isAbsolute(path) || path.split('/').includes('..'),
  );
  if (files.length === 0 || strange !== undefined) {
    const why = strange === undefined ? 'names no files' : `names \`${strange.path}\`, which lies outside of it`;
    throw new LochError('data_corrupt', `${MANIFEST} of the backup ${why}. Use another backup.`);
  }
  return { format: 1, takenAt: String(parsed.takenAt), files };
}

/** Copies at most `limit` bytes of `from` to the new file `to`, durably. Returns size and SHA-256 of the copy. */
export async function copyHashed(
  from: string,
  to: string,
  limit = Number.POSITIVE_INFINITY,
): Promise<{ bytes: number; sha256: string }> {
  await mkdir(dirname(to), { recursive: true, mode: 0o700 });
  const hash = createHash('sha256');
  let bytes = 0;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  const end = Number.isFinite(limit) ? { end: Math.max(0, limit - 1) } : {};
  await pipeline(createReadStream(from, end), count, createWriteStream(to, { flags: 'wx', mode: 0o600 }));
  const file = await open(to, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** Size and SHA-256 of a file. */
export async function hashFile(file: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** Makes the names in `directory` durable. */
export async function syncDirectory(directory: string): Promise<void> {
  const folder = await open(directory, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Makes the names of `files`, with the folders that they lie in below `root`, durable. */
export async function syncTree(root: string, files: readonly { readonly path: string }[]): Promise<void> {
  const folders = new Set<string>(['.']);
  for (const { path } of files) {
    for (let at = dirname(path); !folders.has(at); at = dirname(at)) folders.add(at);
  }
  for (const folder of folders) await syncDirectory(join(root, folder));
}
