/** What a crawl knows of one folder: its objects by kind of name, and what they were found to be. */
import type { Classified } from './classified.ts';

export interface FolderObjects {
  readonly objects: number;
  readonly bytes: number;
  /** The first objects and the last one, in the order of their keys. */
  readonly samples: readonly { readonly key: string; readonly size: number }[];
}

/** `data` holds objects; the others are roots of tables that a format of their own describes. */
export type FolderKind = 'data' | 'iceberg' | 'delta' | 'hudi';

/**
 * `one`: the folder's objects are one table (but for those of `refused` extensions). `files`: each object is its own.
 * `nothing`: no classifier took any.
 */
export type FolderFinding =
  | { readonly kind: 'one'; readonly classified: Classified; readonly refused: readonly string[] }
  | {
      readonly kind: 'files';
      readonly files: readonly { readonly key: string; readonly size: number; readonly classified: Classified }[];
    }
  | { readonly kind: 'nothing' };

export interface Folder {
  readonly target: number;
  /** The key prefix, with the slash at its end; empty for the bucket's root. */
  readonly path: string;
  readonly kind: FolderKind;
  /** By extension, lower case, such as `.csv.gz`; empty for none. */
  readonly byExtension: Readonly<Record<string, FolderObjects>>;
  readonly finding?: FolderFinding;
}

/** The extension of a key, with that of its packing: `.csv.gz`. */
export function extensionOf(key: string): string {
  const name = key.slice(key.lastIndexOf('/') + 1).toLowerCase();
  return /(?:\.[a-z0-9]{1,8})?\.(?:gz|zst|zstd|bz2|xz|lz4|snappy|zip)$|\.[a-z0-9]{1,10}$/.exec(name)?.[0] ?? '';
}

/** The folder of a key, with its slash. */
export const folderOfKey = (key: string): string => key.slice(0, key.lastIndexOf('/') + 1);
