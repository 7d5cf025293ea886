/**
 * What a disk holds after a power cut, rebuilt from a system-call trace.
 *
 * Model, stricter than journaling file systems are
 * - Bytes are on the disk once a sync of their file that began after they were written has returned.
 * - A name (made, renamed, linked, removed) is on the disk once a sync of its folder that began after it has returned.
 *   A file is there when its own name and those of all folders above it are.
 * - Everything else is lost, or by chance is there: whole, torn at a sector, in any order.
 */
import { basename, dirname, posix } from 'node:path';
import { descriptorOf, isSent, pathsOf, type TracedCall, type TracedEvent } from './disk-trace.ts';

/** What became of a change that no sync covers. */
export type Fate = 'lost' | 'kept' | 'torn';

interface Write {
  readonly at: number;
  readonly bytes: Buffer;
  /** Set for a truncation: the size afterwards. */
  readonly size?: number;
}

interface FileNode {
  readonly kind: 'file';
  readonly changes: Write[];
  /** How many of `changes` are on the disk. */
  durable: number;
  size: number;
}

interface FolderNode {
  readonly kind: 'folder';
  readonly changes: { readonly name: string; readonly node: Node | undefined }[];
  durable: number;
  /** The names as the process sees them. */
  readonly entries: Map<string, Node>;
}

type Node = FileNode | FolderNode;

/** Where bytes were seen on their way to a file. */
interface Seen {
  readonly node: FileNode;
  readonly change: number;
}

/** Files by path, folders (with `undefined`) as well, relative to the root. */
export type DiskContent = Map<string, Buffer | undefined>;

/** Whether a sync of this path does nothing. */
export type IgnoredSync = (path: string, kind: 'file' | 'folder') => boolean;

/** The texts that stand in the bytes of a write. */
export type Sightings = ReadonlyMap<Buffer, readonly string[]>;

/** Looks for `texts` in what is written to files. **Cost**: one search of all bytes per text. */
export function sightingsOf(events: Iterable<TracedEvent>, texts: Iterable<string>): Sightings {
  const wanted = [...new Set(texts)].map((text) => [text, Buffer.from(text)] as const);
  const found = new Map<Buffer, string[]>();
  for (const { phase, call } of events) {
    if (phase === 'start' || call.bytes === undefined || isSent(call)) continue;
    const { bytes } = call;
    const here = wanted.filter(([, needle]) => bytes.includes(needle)).map(([text]) => text);
    if (here.length > 0) found.set(bytes, here);
  }
  return found;
}

const SECTOR = 512;
const SYNC = /^f(data)?sync$/;

/** The folder tree below `root`, empty when the trace begins. */
export class TracedDisk {
  readonly #root: string;
  readonly #tree: FolderNode = { kind: 'folder', changes: [], durable: 0, entries: new Map() };
  readonly #syncing = new Map<string, { readonly node: Node; readonly changes: number }>();
  readonly #sightings: Sightings;
  readonly #seen = new Map<string, Seen[]>();
  readonly #ignores: IgnoredSync;

  /**
   * `sightings` tells which writes carry texts to be asked for. `ignoreSync` makes a disk that lies: syncs of these
   * paths do nothing.
   */
  constructor(root: string, options: { readonly sightings?: Sightings; readonly ignoreSync?: IgnoredSync } = {}) {
    this.#root = root;
    this.#sightings = options.sightings ?? new Map();
    this.#ignores = options.ignoreSync ?? (() => false);
  }

  /** Takes the next event of the trace. Calls that failed, and what lies outside of the root, change nothing. */
  apply({ phase, call, failed }: TracedEvent): void {
    if (phase === 'start') {
      if (SYNC.test(call.name)) this.#syncStarted(call);
      return;
    }
    if (failed) return;
    const { name } = call;
    if (SYNC.test(name)) this.#syncReturned(call);
    else if (/^(openat|open|creat)$/.test(name)) this.#opened(call);
    else if (name.startsWith('mkdir')) this.#enter(pathsOf(call)[0]!, folder());
    else if (name.startsWith('rename')) this.#renamed(call);
    else if (name.startsWith('link')) this.#linked(call);
    else if (name.startsWith('unlink') || name === 'rmdir') this.#enter(pathsOf(call)[0]!, undefined);
    else this.#changed(call);
  }

  /** Whether `text`, one of those sighted, is on the disk in a file's bytes. */
  holds(text: string): boolean {
    return (this.#seen.get(text) ?? []).some(({ node, change }) => change < node.durable);
  }

  /** What a power cut now would leave. `fate` decides, change by change, of what no sync covers. */
  afterCut(fate: () => Fate = () => 'lost'): DiskContent {
    const content: DiskContent = new Map();
    const walk = (node: FolderNode, path: string) => {
      const names = new Map<string, Node>();
      for (const [i, { name, node: entry }] of node.changes.entries()) {
        if (i >= node.durable && fate() === 'lost') continue;
        if (entry === undefined) names.delete(name);
        else names.set(name, entry);
      }
      for (const [name, entry] of names) {
        const at = posix.join(path, name);
        content.set(at, entry.kind === 'file' ? contentOf(entry, fate) : undefined);
        if (entry.kind === 'folder') walk(entry, at);
      }
    };
    walk(this.#tree, '');
    return content;
  }

  #find(path: string): Node | undefined {
    if (path === this.#root) return this.#tree;
    if (!path.startsWith(`${this.#root}/`)) return undefined;
    let at: Node | undefined = this.#tree;
    for (const name of path.slice(this.#root.length + 1).split('/')) {
      if (at?.kind !== 'folder') return undefined;
      at = at.entries.get(name);
    }
    return at;
  }

  /** Gives `path` another meaning, or none. */
  #enter(path: string, node: Node | undefined): void {
    const parent = this.#find(dirname(path));
    if (parent?.kind !== 'folder') return;
    const name = basename(path);
    if (node === undefined) parent.entries.delete(name);
    else parent.entries.set(name, node);
    parent.changes.push({ name, node });
  }

  #opened(call: TracedCall): void {
    const path = pathsOf(call)[0];
    if (path === undefined) return;
    const known = this.#find(path);
    if (known === undefined && /O_CREAT/.test(call.args)) {
      this.#enter(path, { kind: 'file', changes: [], durable: 0, size: 0 });
    } else if (known?.kind === 'file' && /O_TRUNC/.test(call.args)) truncate(known, 0);
  }

  #renamed(call: TracedCall): void {
    const [from, to] = pathsOf(call) as [string, string];
    const node = this.#find(from);
    if (node === undefined) return;
    this.#enter(to, node);
    this.#enter(from, undefined);
  }

  #linked(call: TracedCall): void {
    const [from, to] = pathsOf(call) as [string, string];
    const node = this.#find(from);
    if (node !== undefined) this.#enter(to, node);
  }

  #changed(call: TracedCall): void {
    const path = descriptorOf(call);
    if (path === undefined || !path.startsWith(`${this.#root}/`)) return;
    const node = this.#find(path);
    if (node?.kind !== 'file') return; // its last name is gone, and with it the bytes
    if (call.name === 'ftruncate') {
      truncate(node, Number(/, (\d+)$/.exec(call.args)![1]));
      return;
    }
    if (!/^p?writev?(64|2)?$/.test(call.name)) {
      throw new Error(`\`${call.name}\` on ${path} is not part of the model of the disk: teach it.`);
    }
    const bytes = call.bytes!;
    const last = call.name === 'pwritev2' ? /, (\d+), \w+$/ : /, (\d+)$/;
    const at = call.name.startsWith('p') ? Number(last.exec(call.args)![1]) : node.size;
    for (const text of this.#sightings.get(bytes) ?? []) {
      this.#seen.set(text, [...(this.#seen.get(text) ?? []), { node, change: node.changes.length }]);
    }
    node.changes.push({ at, bytes });
    node.size = Math.max(node.size, at + bytes.length);
  }

  #syncStarted(call: TracedCall): void {
    const path = descriptorOf(call);
    const node = path === undefined ? undefined : this.#find(path);
    if (node !== undefined && !this.#ignores(path!, node.kind)) {
      this.#syncing.set(call.thread, { node, changes: node.changes.length });
    }
  }

  #syncReturned(call: TracedCall): void {
    const started = this.#syncing.get(call.thread);
    this.#syncing.delete(call.thread);
    if (started !== undefined) started.node.durable = Math.max(started.node.durable, started.changes);
  }
}

const folder = (): FolderNode => ({ kind: 'folder', changes: [], durable: 0, entries: new Map() });

function truncate(node: FileNode, size: number): void {
  node.changes.push({ at: 0, bytes: Buffer.alloc(0), size });
  node.size = size;
}

function contentOf(node: FileNode, fate: () => Fate): Buffer {
  let bytes = Buffer.alloc(node.changes.reduce((most, { at, bytes: part }) => Math.max(most, at + part.length), 0));
  let size = 0;
  for (const [i, change] of node.changes.entries()) {
    const became = i < node.durable ? 'kept' : fate();
    if (became === 'lost') continue;
    if (change.size !== undefined) {
      bytes.fill(0, change.size);
      if (change.size > bytes.length) bytes = Buffer.concat([bytes, Buffer.alloc(change.size - bytes.length)]);
      size = change.size;
      continue;
    }
    const length = became === 'kept' ? change.bytes.length : tornLength(change);
    change.bytes.copy(bytes, change.at, 0, length);
    size = Math.max(size, change.at + length);
  }
  return bytes.subarray(0, size);
}

/** The first half of a write up to a sector's edge. */
function tornLength({ at, bytes }: Write): number {
  const edge = Math.floor((at + bytes.length / 2) / SECTOR) * SECTOR - at;
  return Math.max(0, Math.min(bytes.length, edge));
}
