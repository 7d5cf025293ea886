/**
 * A point: `points/<id>.jsonl`, a line for each file of the lake with the blocks it consists of.
 *
 * Invariants
 * - The first line says what it is, the last one how many lines there are and their SHA-256; a point without it is none.
 * - Files stand by section, and in a section by path as folders are walked, so that two points are compared in one pass.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { createInterface } from 'node:readline';
import { LochError } from '../../../core/errors.ts';
import type { BackupPoint } from '../../contract.ts';
import { syncDirectory } from '../manifest.ts';

/** A file as a point has it. */
export interface PointEntry {
  readonly section: number;
  readonly path: string;
  readonly bytes: number;
  /** When it was changed last; with the size it tells a file that need not be read again. */
  readonly changedAt: number;
  readonly blocks: readonly string[];
}

interface Head {
  readonly format: 1;
  readonly id: string;
  readonly takenAt: string;
}

interface Tail {
  readonly end: true;
  readonly files: number;
  readonly bytes: number;
  readonly added: number;
  readonly sha256: string;
}

const folderOf = (repository: string) => join(repository, 'points');
const fileOf = (repository: string, id: string) => join(folderOf(repository), `${id}.jsonl`);

/** How paths order: as folders are walked, each before what stands after it in its own folder. */
export function comparePaths(
  a: PointEntry | { section: number; path: string },
  b: { section: number; path: string },
): number {
  if (a.section !== b.section) return a.section - b.section;
  const left = a.path.replaceAll('/', '\0');
  const right = b.path.replaceAll('/', '\0');
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Writes a point; nobody sees it before `commit`. */
export class PointWriter {
  readonly #repository: string;
  readonly #head: Head;
  readonly #file: FileHandle;
  readonly #hash = createHash('sha256');
  #held: string[] = [];
  #files = 0;
  #bytes = 0;

  private constructor(repository: string, head: Head, file: FileHandle) {
    this.#repository = repository;
    this.#head = head;
    this.#file = file;
  }

  static async create(repository: string, takenAt: Date): Promise<PointWriter> {
    await mkdir(folderOf(repository), { recursive: true, mode: 0o700 });
    const id = takenAt.toISOString().replaceAll(/[-:]/g, '').replace('.', '-');
    const head: Head = { format: 1, id, takenAt: takenAt.toISOString() };
    const writer = new PointWriter(repository, head, await open(`${fileOf(repository, id)}.tmp`, 'w', 0o600));
    await writer.#line(head);
    return writer;
  }

  async add(entry: PointEntry): Promise<void> {
    this.#files++;
    this.#bytes += entry.bytes;
    await this.#line(entry);
  }

  async #line(value: Head | PointEntry): Promise<void> {
    const line = `${JSON.stringify(value)}\n`;
    this.#hash.update(line);
    this.#held.push(line);
    if (this.#held.length >= 1000) await this.#flush();
  }

  async #flush(): Promise<void> {
    await this.#file.write(this.#held.join(''));
    this.#held = [];
  }

  async commit(added: number): Promise<BackupPoint> {
    const { id, takenAt } = this.#head;
    const totals = { files: this.#files, bytes: this.#bytes, added };
    const tail: Tail = { end: true, ...totals, sha256: this.#hash.digest('hex') };
    this.#held.push(`${JSON.stringify(tail)}\n`);
    await this.#flush();
    await this.#file.sync();
    await this.#file.close();
    const path = fileOf(this.#repository, id);
    await rename(`${path}.tmp`, path); // the commit point
    await syncDirectory(folderOf(this.#repository));
    return { id, takenAt, ...totals };
  }

  async abandon(): Promise<void> {
    await this.#file.close().catch(() => undefined); // closed by a commit that failed
    await rm(`${fileOf(this.#repository, this.#head.id)}.tmp`, { force: true });
  }
}

/** The files of a point in order. **Errors**: `data_corrupt` when it is not what was written, at the latest at its end. */
export async function* readPoint(repository: string, id: string): AsyncGenerator<PointEntry, Tail> {
  const path = fileOf(repository, id);
  const hash = createHash('sha256');
  let lines = 0;
  const input = createReadStream(path);
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      const value = parseLine(line, path);
      if ('end' in value) {
        if (value.sha256 !== hash.digest('hex') || value.files !== lines - 1) throw damaged(path);
        return value;
      }
      hash.update(`${line}\n`);
      lines++;
      if ('format' in value) continue;
      if (isAbsolute(value.path) || value.path.split('/').includes('..')) throw damaged(path);
      yield value;
    }
  } finally {
    input.destroy();
  }
  throw damaged(path);
}

function parseLine(line: string, path: string): Head | PointEntry | Tail {
  try {
    return JSON.parse(line) as Head | PointEntry | Tail;
  } catch (cause) {
    throw damaged(path, cause);
  }
}

const damaged = (path: string, cause?: unknown) =>
  new LochError('data_corrupt', `${path} is not what was written. Use another point.`, { cause });

/** The points of a repository, oldest first. */
export async function listPoints(repository: string): Promise<BackupPoint[]> {
  const names = (await readdir(folderOf(repository)).catch(() => [])).filter((name) => name.endsWith('.jsonl')).sort();
  const points: BackupPoint[] = [];
  for (const name of names) points.push(await pointFacts(join(folderOf(repository), name)));
  return points;
}

const TAIL_BYTES = 4096;

async function pointFacts(path: string): Promise<BackupPoint> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const head = Buffer.alloc(Math.min(size, TAIL_BYTES));
    await file.read(head, 0, head.length, 0);
    const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
    await file.read(tail, 0, tail.length, size - tail.length);
    const { id, takenAt } = JSON.parse(head.toString('utf8').split('\n', 1)[0]!) as Head;
    const { files, bytes, added } = JSON.parse(tail.toString('utf8').trimEnd().split('\n').at(-1)!) as Tail;
    return { id, takenAt, files, bytes, added };
  } catch (cause) {
    throw damaged(path, cause);
  } finally {
    await file.close();
  }
}

/** Forgets a point. Its blocks go with the next removal of unnamed ones. */
export async function removePoint(repository: string, id: string): Promise<void> {
  await rm(fileOf(repository, id), { force: true });
  await syncDirectory(folderOf(repository));
}
