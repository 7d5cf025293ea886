/**
 * The current objects as a plain tree of files, `DIR/<bucket>/<key>`, that any program opens without Loch.
 *
 * Invariants
 * - Nothing is written outside of the directory, whatever a key holds: a key is taken for a path only when every segment
 *   is a plain name. Others, and those whose path is a folder of another key's, are reported by name.
 * - Files are hard links where they can be: no bytes are moved, and what is done to such a file is done to the lake's.
 */
import { copyFile, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LochError } from '../../core/errors.ts';
import type { ObjectHead, ObjectStore } from '../contract.ts';
import type { TreeExport, TreeExportReport } from './contract-types.ts';
import { ReportFile } from './report-file.ts';

const PAGE = 500;
const WORK = '.loch-export';
const REPORT = 'left-out.csv';

/** Whether a key can be the path of a file, by its form alone. */
export function isPlainPath(key: string): boolean {
  return key
    .split('/')
    .every(
      (segment) =>
        segment !== '' &&
        segment !== '.' &&
        segment !== '..' &&
        Buffer.byteLength(segment) <= 255 &&
        !/[\p{Cc}\\]/u.test(segment),
    );
}

/** Writes the tree. **Errors**: `already_exists` when the directory holds something, `bucket_not_found`. */
export async function exportTree(
  objects: ObjectStore,
  request: TreeExport,
  signal: AbortSignal,
): Promise<TreeExportReport> {
  const { folder } = request;
  const there = await readdir(folder).catch(() => []);
  if (there.length > 0) {
    throw new LochError('already_exists', `${folder} is not empty. Export to a new directory.`, {
      context: { directory: folder },
    });
  }
  const buckets =
    request.bucket === undefined
      ? (await objects.buckets()).map(({ name }) => name)
      : [(await objects.bucket(request.bucket)).name];
  const work = join(folder, WORK);
  await mkdir(work, { recursive: true, mode: 0o700 });
  const report = await ReportFile.open(join(folder, REPORT), ['bucket', 'key', 'reason']);
  const counts = { files: 0, bytes: 0, leftOut: 0 };
  try {
    for (const bucket of buckets) {
      let startAfter: string | undefined;
      do {
        signal.throwIfAborted();
        const more = startAfter === undefined ? {} : { startAfter };
        const page = await objects.list(bucket, { prefix: request.prefix ?? '', maxKeys: PAGE, ...more });
        await exportPage(objects, page.objects, { ...request, work, report, counts });
        startAfter = page.next;
      } while (startAfter !== undefined);
    }
  } finally {
    await report.close();
    await rm(work, { recursive: true, force: true });
  }
  if (counts.leftOut === 0) await rm(join(folder, REPORT));
  return { folder, ...counts };
}

interface PageTarget extends TreeExport {
  readonly work: string;
  readonly report: ReportFile;
  readonly counts: { files: number; bytes: number; leftOut: number };
}

async function exportPage(objects: ObjectStore, heads: readonly ObjectHead[], target: PageTarget): Promise<void> {
  const { counts, report, work, folder } = target;
  const leave = async ({ bucket, key }: ObjectHead, reason: string) => {
    counts.leftOut++;
    await report.add([bucket, key, reason]);
  };
  const plain = heads.filter(({ key }) => isPlainPath(key));
  for (const head of heads.filter(({ key }) => !isPlainPath(key))) await leave(head, 'its key is no path of a file');
  const refs = plain.map(({ bucket, key, versionId }) => ({ bucket, key, versionId }));
  const paths = await objects.openFiles(refs, work);
  for (const [i, head] of plain.entries()) {
    const to = join(folder, head.bucket, head.key);
    try {
      await place(paths[i]!, to, target.copy === true);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      if (!['EEXIST', 'ENOTDIR', 'EISDIR', 'ENOTEMPTY', 'ENAMETOOLONG'].includes(code)) throw error;
      await rm(paths[i]!, { force: true });
      await leave(head, code === 'ENAMETOOLONG' ? 'its path is too long' : "its path is a folder of another key's");
      continue;
    }
    counts.files++;
    counts.bytes += head.size;
  }
}

async function place(from: string, to: string, copy: boolean): Promise<void> {
  await mkdir(dirname(to), { recursive: true, mode: 0o700 });
  if (!copy) return rename(from, to);
  const copied = `${from}.copy`;
  await copyFile(from, copied);
  await rename(copied, to);
  await rm(from);
}
