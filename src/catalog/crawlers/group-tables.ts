/**
 * Folders as tables: the walk goes up from the leaves, and the folders below one become partitions of one table where
 * they hold the same thing at the same depth; else each is its own.
 * **Source**: AWS Glue, "How does a crawler determine when to create partitions".
 */
import { NULL_VALUE } from '../databases/partition-value.ts';
import type { Classified } from './classified.ts';
import type { Folder, FolderKind } from './folder.ts';
import { isMergeable, isSimilar, mergeClassified } from './similar.ts';

export interface DataFolder {
  /** Key prefix with its slash, or the key of a file that is a table by itself. */
  readonly path: string;
  readonly values: readonly string[];
  readonly classified: Classified;
  readonly objects: number;
  readonly bytes: number;
}

export interface Dataset {
  readonly path: string;
  /** The name of each partition level; undefined for a bare folder. */
  readonly keys: readonly (string | undefined)[];
  readonly folders: readonly DataFolder[];
  readonly classified: Classified;
  /** Extensions under it that no classifier took. */
  readonly refused: readonly string[];
}

interface Node {
  readonly name: string;
  readonly path: string;
  folder?: Folder;
  readonly children: Map<string, Node>;
}

/** The root of a table that a format of its own describes. */
export interface OpenTable {
  readonly kind: Exclude<FolderKind, 'data'>;
  readonly path: string;
}

export interface Grouping {
  readonly datasets: readonly Dataset[];
  readonly openTables: readonly OpenTable[];
  readonly messages: readonly string[];
}

const HIVE = /^([^=/]+)=(.*)$/s;
/** Folder names that are values rather than names: numbers, dates, hashes. */
const VALUE_LIKE = /^(?:[a-z]{1,3}[-_]?)?\d[\d\-_.:tz]*$|^[0-9a-f]{8}-[0-9a-f-]{27}$/i;

function treeOf(root: string, folders: readonly Folder[]): Node {
  const top: Node = { name: '', path: root, children: new Map() };
  for (const folder of folders) {
    let node = top;
    for (const name of folder.path.slice(root.length).split('/').slice(0, -1)) {
      const known = node.children.get(name);
      const child = known ?? { name, path: `${node.path}${name}/`, children: new Map() };
      node.children.set(name, child);
      node = child;
    }
    node.folder = folder;
  }
  return top;
}

function ownDatasets(folder: Folder | undefined): Dataset[] {
  const finding = folder?.finding;
  if (folder === undefined || finding === undefined || finding.kind === 'nothing') return [];
  if (finding.kind === 'files') {
    return finding.files.map(({ key, size, classified }) => ({
      path: key,
      keys: [],
      classified,
      refused: [],
      folders: [{ path: key, values: [], classified, objects: 1, bytes: size }],
    }));
  }
  const taken = Object.entries(folder.byExtension).filter(([extension]) => !finding.refused.includes(extension));
  const sum = (count: (of: { objects: number; bytes: number }) => number) =>
    taken.reduce((total, [, of]) => total + count(of), 0);
  return [
    {
      path: folder.path,
      keys: [],
      classified: finding.classified,
      refused: finding.refused,
      folders: [
        {
          path: folder.path,
          values: [],
          classified: finding.classified,
          objects: sum((of) => of.objects),
          bytes: sum((of) => of.bytes),
        },
      ],
    },
  ];
}

interface GroupingOptions {
  readonly combine: boolean;
  /** The depth of the folders that are tables, the bucket being 1. */
  readonly tableLevel?: number;
}

class Grouper {
  readonly messages: string[] = [];
  readonly openTables: OpenTable[] = [];
  readonly #options: GroupingOptions;

  constructor(options: GroupingOptions) {
    this.#options = options;
  }

  /** Whether a stated table level makes one table of what lies below (`true`), forbids it (`false`), or says nothing. */
  #stated(node: Node): boolean | undefined {
    const { tableLevel } = this.#options;
    if (tableLevel === undefined) return undefined;
    return node.path.split('/').filter((segment) => segment !== '').length + 1 >= tableLevel;
  }

  /** The tables at and below a node; `one` when they are a single one that an upper folder may take as a partition. */
  walk(node: Node): { readonly datasets: readonly Dataset[]; readonly one?: Dataset } {
    const kind = node.folder?.kind ?? 'data';
    if (kind !== 'data') {
      this.openTables.push({ kind, path: node.path });
      return { datasets: [] };
    }
    const own = ownDatasets(node.folder);
    const below = [...node.children.values()].map((child) => ({ name: child.name, ...this.walk(child) }));
    const filled = below.filter((child) => child.datasets.length > 0);
    if (filled.length === 0) {
      const [only] = own;
      return own.length === 1 && only!.path.endsWith('/') ? { datasets: own, one: only! } : { datasets: own };
    }
    const stated = this.#stated(node);
    if (stated === false) return { datasets: [...own, ...filled.flatMap((child) => child.datasets)] };
    if (own.length === 0) {
      const merged = this.#merge(node, filled, stated === true);
      if (merged !== undefined) return { datasets: [merged], one: merged };
    } else {
      this.messages.push(
        `${node.path} holds files beside folders of files: each is a table of its own, for partitions lie at one depth.`,
      );
    }
    return { datasets: [...own, ...filled.flatMap((child) => child.datasets)] };
  }

  #merge(
    node: Node,
    children: readonly { readonly name: string; readonly one?: Dataset }[],
    forced: boolean,
  ): Dataset | undefined {
    const ones: { readonly name: string; readonly one: Dataset }[] = [];
    for (const { name, one } of children) {
      if (one === undefined) return undefined;
      ones.push({ name, one });
    }
    const parts = ones.map(({ name }) => HIVE.exec(name));
    const key = parts[0]?.[1];
    const hive = key !== undefined && parts.every((part) => part?.[1] === key);
    if (!hive && !forced && parts.some((part) => part !== null)) return undefined;
    if (!hive && !forced && ones.length === 1 && !VALUE_LIKE.test(ones[0]!.name)) return undefined;
    const first = ones[0]!.one;
    const sameDepth = ones.every(
      ({ one }) => one.keys.length === first.keys.length && one.keys.every((name, level) => name === first.keys[level]),
    );
    if (!sameDepth) {
      this.messages.push(`${node.path} has folders of different depth below it: each is a table of its own.`);
      return undefined;
    }
    let classified = first.classified;
    for (const { name, one } of ones.slice(1)) {
      const fits =
        hive || forced || this.#options.combine
          ? isMergeable(classified, one.classified)
          : isSimilar(classified, one.classified);
      if (!fits) {
        if (hive || forced)
          this.messages.push(`${node.path}${name}/ holds ${one.classified.format} that does not fit its siblings.`);
        return undefined;
      }
      classified = mergeClassified(classified, one.classified);
    }
    return {
      path: node.path,
      keys: [hive ? key.toLowerCase() : undefined, ...first.keys],
      classified,
      refused: [...new Set(ones.flatMap(({ one }) => one.refused))],
      folders: ones.flatMap(({ name, one }, position) => {
        const value = hive ? partitionValue(parts[position]![2]!) : name;
        return one.folders.map((folder) => ({ ...folder, values: [value, ...folder.values] }));
      }),
    };
  }
}

/** The value of a `key=value` folder, as Hive escapes it. */
export function partitionValue(text: string): string {
  if (text === '') return NULL_VALUE;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The tables under `root`. `combine` takes folders as one table wherever their formats allow it. */
export function groupTables(root: string, folders: readonly Folder[], options: GroupingOptions): Grouping {
  const grouper = new Grouper(options);
  const { datasets } = grouper.walk(treeOf(root, folders));
  return { datasets, openTables: grouper.openTables, messages: grouper.messages };
}
