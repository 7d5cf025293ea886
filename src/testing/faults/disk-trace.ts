/**
 * What a disk would hold after a power cut, rebuilt from a system-call trace.
 *
 * Model (the strictest a journaling file system allows)
 * - Bytes are on the disk once fsync or fdatasync of their file returned; what was written later is dropped.
 * - A name (create, rename, link, unlink, mkdir) is on the disk once fsync of its folder returned after it.
 * **Source**: strace(1) output of `-f -y -xx`; POSIX fsync, rename.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** A file's bytes: `disk` survives the cut, `memory` is what the process sees. */
interface Inode {
  disk: Buffer;
  memory: Buffer;
}

/** One line of the trace, calls that were interrupted put together again. */
export interface TracedCall {
  readonly name: string;
  readonly args: string;
  readonly result: string;
}

const UNFINISHED = /^(\d+)\s+(\w+)\((.*) <unfinished \.\.\.>$/s;
const RESUMED = /^(\d+)\s+<\.\.\. (\w+) resumed>(.*)$/s;
const WHOLE = /^(\d+)\s+(\w+)\((.*)\)\s+= (.*)$/s;

/**
 * The calls of a trace. A sync counts from its return; everything else, answers to clients above all, from its start:
 * that order is the unfavourable one.
 */
export function parseTrace(text: string): TracedCall[] {
  const calls: TracedCall[] = [];
  const open = new Map<string, { name: string; args: string; place?: number }>();
  for (const line of text.split('\n')) {
    const begun = UNFINISHED.exec(line);
    if (begun !== null) {
      const [, pid, name, args] = begun as unknown as [string, string, string, string];
      const late = /sync$|^rename|^link|^unlink|^mkdir/.test(name);
      if (!late) calls.push({ name, args, result: '0' });
      open.set(pid, { name, args, ...(late ? {} : { place: calls.length - 1 }) });
      continue;
    }
    const resumed = RESUMED.exec(line);
    if (resumed !== null) {
      const [, pid, name, rest] = resumed as unknown as [string, string, string, string];
      const start = open.get(pid);
      open.delete(pid);
      const end = /^(.*)\)\s+= (.*)$/s.exec(rest);
      if (start === undefined || end === null) continue;
      const whole = { name, args: start.args + end[1]!, result: end[2]! };
      if (start.place === undefined) calls.push(whole);
      else calls[start.place] = whole;
      continue;
    }
    const whole = WHOLE.exec(line);
    if (whole !== null) calls.push({ name: whole[2]!, args: whole[3]!, result: whole[4]! });
  }
  return calls;
}

const unhex = (text: string): Buffer => Buffer.from(text.replaceAll('\\x', ''), 'hex');
const strings = (args: string): string[] =>
  [...args.matchAll(/"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?/g)].map((match) => match[1]!);
const pathOf = (args: string): string | undefined => {
  const match = /^\d+<((?:\\x[0-9a-f]{2}|[^>])*)>/.exec(args);
  if (match === null) return undefined;
  return match[1]!.startsWith('\\x') ? unhex(match[1]!).toString('utf8') : match[1]!;
};

/** A folder tree as the disk keeps it. `root` is the only part that is followed. */
export class TracedDisk {
  readonly #root: string;
  readonly #memory = new Map<string, Inode>();
  readonly #disk = new Map<string, Inode>();
  /** Names whose folder was not synced since they changed. */
  readonly #pending = new Map<string, Set<string>>();

  /** Starts from the files that are there before the trace begins, all of them on the disk. */
  constructor(root: string, files: ReadonlyMap<string, Buffer>) {
    this.#root = root;
    for (const [path, bytes] of files) {
      const inode = { disk: bytes, memory: bytes };
      this.#memory.set(path, inode);
      this.#disk.set(path, inode);
    }
  }

  /** Applies one call. Calls that failed, and files outside the root, change nothing. */
  apply(call: TracedCall): void {
    const { name, args, result } = call;
    if (result.startsWith('-1')) return;
    if (name === 'openat') return this.#opened(args);
    if (name === 'rename' || name.startsWith('rename')) return this.#renamed(args);
    if (name.startsWith('link')) return this.#linked(args);
    if (name.startsWith('unlink')) return this.#unlinked(args);
    const path = pathOf(args);
    if (path === undefined || !path.startsWith(this.#root)) return undefined;
    if (name === 'fsync' || name === 'fdatasync') return this.#synced(path);
    if (name === 'ftruncate') return this.#truncated(path, Number(/, (\d+)$/.exec(args)?.[1] ?? 0));
    if (name.startsWith('pwrite'))
      return this.#written(
        path,
        strings(args),
        Number(/, (\d+)$/.exec(args.replace(/, 0$/, (zero) => (name === 'pwritev2' ? '' : zero)))?.[1] ?? 0),
      );
    if (name.startsWith('write')) return this.#written(path, strings(args), undefined);
    return undefined;
  }

  #paths(args: string): string[] {
    return strings(args).map((text) => unhex(text).toString('utf8'));
  }

  #change(path: string): void {
    const folder = dirname(path);
    const set = this.#pending.get(folder) ?? new Set();
    set.add(path);
    this.#pending.set(folder, set);
  }

  #opened(args: string): void {
    const path = this.#paths(args)[0];
    if (path === undefined || !path.startsWith(this.#root) || /O_DIRECTORY/.test(args)) return;
    const known = this.#memory.get(path);
    if (known === undefined && /O_CREAT/.test(args)) {
      this.#memory.set(path, { disk: Buffer.alloc(0), memory: Buffer.alloc(0) });
      this.#change(path);
    } else if (known !== undefined && /O_TRUNC/.test(args)) known.memory = Buffer.alloc(0);
  }

  #renamed(args: string): void {
    const [from, to] = this.#paths(args) as [string, string];
    for (const [path, inode] of [...this.#memory]) {
      if (path !== from && !path.startsWith(`${from}/`)) continue;
      const target = to + path.slice(from.length);
      this.#memory.delete(path);
      this.#memory.set(target, inode);
      this.#change(path);
      this.#change(target);
    }
  }

  #linked(args: string): void {
    const [from, to] = this.#paths(args) as [string, string];
    const inode = this.#memory.get(from);
    if (inode === undefined || !to.startsWith(this.#root)) return;
    this.#memory.set(to, inode);
    this.#change(to);
  }

  #unlinked(args: string): void {
    const path = this.#paths(args)[0]!;
    if (this.#memory.delete(path)) this.#change(path);
  }

  #written(path: string, texts: readonly string[], offset: number | undefined): void {
    const inode = this.#memory.get(path);
    if (inode === undefined) return;
    const bytes = Buffer.concat(texts.map(unhex));
    const at = offset ?? inode.memory.length;
    const size = Math.max(inode.memory.length, at + bytes.length);
    const grown = Buffer.alloc(size);
    inode.memory.copy(grown);
    bytes.copy(grown, at);
    inode.memory = grown;
  }

  #truncated(path: string, size: number): void {
    const inode = this.#memory.get(path);
    if (inode === undefined) return;
    const cut = Buffer.alloc(size);
    inode.memory.copy(cut, 0, 0, Math.min(size, inode.memory.length));
    inode.memory = cut;
  }

  #synced(path: string): void {
    const inode = this.#memory.get(path);
    if (inode !== undefined) {
      inode.disk = inode.memory;
      return;
    }
    for (const changed of this.#pending.get(path) ?? []) {
      const now = this.#memory.get(changed);
      if (now === undefined) this.#disk.delete(changed);
      else this.#disk.set(changed, now);
    }
    this.#pending.delete(path);
  }

  /** The files as a power cut now would leave them. */
  afterCut(): Map<string, Buffer> {
    return new Map([...this.#disk].map(([path, inode]) => [path, inode.disk]));
  }
}

/** Whether the trace can be taken here: Linux with strace and the right to use it. */
export function stracePath(): string | undefined {
  const restricted =
    existsSync('/proc/sys/kernel/yama/ptrace_scope') &&
    readFileSync('/proc/sys/kernel/yama/ptrace_scope', 'utf8').trim() === '3';
  return restricted ? undefined : ['/usr/bin/strace', '/usr/local/bin/strace'].find((path) => existsSync(path));
}

/** Arguments of strace that give what `parseTrace` reads. */
export const STRACE_ARGS = [
  '-f',
  '-y',
  '-xx',
  '-s',
  '20000000',
  '-e',
  'trace=openat,write,writev,pwrite64,pwritev,pwritev2,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,fsync,fdatasync,ftruncate',
] as const;
