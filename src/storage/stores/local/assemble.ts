import { createReadStream } from 'node:fs';
import { type FileHandle, open, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { ObjectFiles } from './object-files.ts';
import type { PartRow } from './rows.ts';

export interface Assembly {
  readonly folder: string;
  /** The parts of the object, in order. */
  readonly parts: readonly PartRow[];
  /** Every recorded part, also those the object leaves out. */
  readonly all: readonly PartRow[];
  readonly target: string;
  /** Nobody writes the main file, and nobody will. */
  readonly quiet: boolean;
  /** Bytes of a part as it lies on disk. */
  readonly bytesOf: (part: PartRow) => number;
}

const COPY_CHUNK = 1024 * 1024;

/**
 * Puts the bytes of the parts in one durable file at `target`, without changing a recorded part.
 * **Cost**: a hard link when all parts lie in the main file at their places, plus a copy of those beside it; a copy of
 * everything when one of them lies at another place.
 */
export async function assemble(files: ObjectFiles, assembly: Assembly): Promise<void> {
  const main = join(assembly.folder, 'main');
  if (assembly.quiet && (await canLink(assembly, main))) {
    await addParts(main, 'r+', assembly, (part) => part.file !== null);
    await files.publish(main, assembly.target, 'link');
    return;
  }
  await files.withTemporary(async (temporary) => {
    await addParts(temporary, 'wx', assembly, () => true);
    await files.publish(temporary, assembly.target, 'rename');
  });
}

/** Whether the main file can become the object: what it holds of other parts, and beyond the end, nobody needs. */
async function canLink({ parts, all, bytesOf }: Assembly, main: string): Promise<boolean> {
  let offset = 0;
  const numbers = new Set<number>();
  for (const part of parts) {
    if (part.unit !== null && (part.number - 1) * part.unit !== offset) return false;
    offset += bytesOf(part);
    numbers.add(part.number);
  }
  if (all.some((part) => part.unit !== null && !numbers.has(part.number))) return false;
  if (!parts.some((part) => part.unit !== null)) return false;
  // Left by a part that failed: no row names those bytes.
  if ((await stat(main)).size > offset) await truncate(main, offset);
  return true;
}

async function addParts(
  path: string,
  flags: 'r+' | 'wx',
  assembly: Assembly,
  wanted: (part: PartRow) => boolean,
): Promise<void> {
  const out = await open(path, flags);
  try {
    let offset = 0;
    for (const part of assembly.parts) {
      const bytes = assembly.bytesOf(part);
      if (wanted(part)) await copyPart(assembly.folder, part, bytes, out, offset);
      offset += bytes;
    }
    await out.datasync();
  } finally {
    await out.close();
  }
}

async function copyPart(folder: string, part: PartRow, bytes: number, out: FileHandle, offset: number): Promise<void> {
  if (bytes === 0) return;
  const source = join(folder, part.file ?? 'main');
  const start = part.unit === null ? 0 : (part.number - 1) * part.unit;
  let at = offset;
  const options = { start, end: start + bytes - 1, highWaterMark: COPY_CHUNK };
  for await (const chunk of createReadStream(source, options) as AsyncIterable<Buffer>) {
    let rest = chunk;
    while (rest.length > 0) {
      const { bytesWritten } = await out.write(rest, 0, rest.length, at);
      at += bytesWritten;
      rest = rest.subarray(bytesWritten);
    }
  }
}
