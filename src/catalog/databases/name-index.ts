/**
 * Names and locations of the catalog in memory: listings are tested by policy without reading a row, and the owner of an
 * S3 key is found by its folders.
 *
 * Invariants
 * - It changes by committed events only, in commit order, before the commit is acknowledged: whoever was answered
 *   finds his change here.
 * - A location belongs to the table that was created there first; a longer location wins over a shorter one.
 */
import type { StoredEvent } from '../../core/events.ts';
import { nearestNames } from '../../core/suggest.ts';
import type { TableName } from '../../governance/contract.ts';
import { folderOf } from './rows.ts';

/** How many names are compared to find near ones. */
const COMPARED_NAMES = 2_000;

interface Entry {
  readonly id: string;
  readonly database: string;
  readonly table: string;
  readonly createdAt: number;
  /** How often each folder is claimed: by the table itself, and by partitions outside it. */
  readonly claims: Map<string, number>;
  home: string;
}

export interface NamesAtStart {
  readonly databases: readonly string[];
  readonly tables: readonly {
    readonly id: string;
    readonly database: string;
    readonly table: string;
    readonly createdAt: number;
    readonly location: string;
  }[];
  readonly outside: readonly { readonly id: string; readonly location: string }[];
}

/** Names, and which table each location belongs to. */
export class NameIndex {
  readonly #databases = new Map<string, Map<string, Entry>>();
  readonly #sorted = new Map<string, readonly string[]>();
  readonly #byId = new Map<string, Entry>();
  readonly #byFolder = new Map<string, Entry[]>();

  constructor(names: NamesAtStart) {
    for (const database of names.databases) this.#databases.set(database, new Map());
    for (const table of names.tables) this.#add(table, table.location);
    for (const { id, location } of names.outside) this.#claim(this.#byId.get(id), location);
  }

  apply(events: readonly StoredEvent[]): void {
    for (const event of events) {
      if (event.name === 'catalogDatabaseChanged') {
        const { database, change } = event.payload;
        if (change === 'deleted') this.#databases.delete(database);
        else if (!this.#databases.has(database)) this.#databases.set(database, new Map());
        this.#sorted.delete('');
      } else if (event.name === 'catalogTableChanged') {
        this.#applyTable(event.payload);
      } else if (event.name === 'catalogPartitionsChanged') {
        const entry = this.#byId.get(event.payload.id);
        for (const location of event.payload.outside) this.#claim(entry, location);
        for (const location of event.payload.outsideRemoved) this.#release(entry, location);
      }
    }
  }

  hasDatabase(database: string): boolean {
    return this.#databases.has(database);
  }

  tableId(name: TableName): string | undefined {
    return this.#databases.get(name.database)?.get(name.table)?.id;
  }

  /** The name of the table with an id. */
  nameOf(id: string): TableName | undefined {
    const entry = this.#byId.get(id);
    return entry === undefined ? undefined : { database: entry.database, table: entry.table };
  }

  /** All database names in byte order. */
  databases(): readonly string[] {
    return this.#sortedNames('', this.#databases);
  }

  /** All table names of a database in byte order. */
  tables(database: string): readonly string[] {
    const tables = this.#databases.get(database);
    return tables === undefined ? [] : this.#sortedNames(`.${database}`, tables);
  }

  /** Names like `name` that are visible. **Cost**: of many, only those of the same first letter are looked at. */
  nearDatabases(name: string, visible: (database: string) => boolean): string[] {
    return nearestNames(name, candidates(name, this.databases()).filter(visible));
  }

  /** As `nearDatabases`, of the tables of a database. */
  nearTables(name: TableName, visible: (name: TableName) => boolean): string[] {
    const { database } = name;
    return nearestNames(
      name.table,
      candidates(name.table, this.tables(database)).filter((table) => visible({ database, table })),
    );
  }

  /** The table whose location is the longest folder of `s3://bucket/key`. **Cost**: one look-up per folder of the key. */
  tableAt(bucket: string, key: string): TableName | undefined {
    let folder = folderOf(`s3://${bucket}/${key}`);
    const shortest = `s3://${bucket}`.length;
    while (folder.length >= shortest) {
      const owner = this.#byFolder.get(folder)?.[0];
      if (owner !== undefined) return { database: owner.database, table: owner.table };
      folder = folderOf(folder.slice(0, folder.lastIndexOf('/')));
    }
    return undefined;
  }

  /** The tables that share files with a folder: the one that owns it, and those in it. **Cost**: looks at every folder. */
  tablesAround(bucket: string, key: string): TableName[] {
    const folder = folderOf(`s3://${bucket}/${key}`);
    const found = new Set<Entry>();
    for (const [claimed, owners] of this.#byFolder) {
      const shares = claimed === folder || claimed.startsWith(`${folder}/`) || folder.startsWith(`${claimed}/`);
      if (shares) for (const owner of owners) found.add(owner);
    }
    return [...found].map(({ database, table }) => ({ database, table }));
  }

  #applyTable(change: Extract<StoredEvent, { name: 'catalogTableChanged' }>['payload']): void {
    const { id, location = '', createdAt = 0 } = change;
    if (id === undefined) return;
    const known = this.#byId.get(id);
    if (change.change === 'updated' && known !== undefined) {
      for (const folder of [...known.claims.keys()]) this.#forget(known, folder);
      known.home = location;
      this.#claim(known, location);
    } else {
      if (known !== undefined) this.#remove(known);
      if (change.change === 'deleted') return;
      this.#add({ id, database: change.database, table: change.table, createdAt }, location);
    }
    for (const outside of change.outside ?? []) this.#claim(this.#byId.get(id), outside);
  }

  #add(table: { id: string; database: string; table: string; createdAt: number }, location: string): void {
    const entry: Entry = { ...table, claims: new Map(), home: location };
    const tables = this.#databases.get(table.database) ?? new Map<string, Entry>();
    this.#databases.set(table.database, tables);
    tables.set(table.table, entry);
    this.#byId.set(table.id, entry);
    this.#place(`.${table.database}`, table.table, 'in');
    this.#claim(entry, location);
  }

  #remove(entry: Entry): void {
    for (const folder of [...entry.claims.keys()]) this.#forget(entry, folder);
    this.#databases.get(entry.database)?.delete(entry.table);
    this.#byId.delete(entry.id);
    this.#place(`.${entry.database}`, entry.table, 'out');
  }

  #claim(entry: Entry | undefined, location: string): void {
    const folder = folderOf(location).replace(/^s3[an]:/, 's3:');
    if (entry === undefined || folder === '') return;
    const count = entry.claims.get(folder) ?? 0;
    entry.claims.set(folder, count + 1);
    if (count > 0) return;
    const owners = [...(this.#byFolder.get(folder) ?? []), entry];
    owners.sort((a, b) => a.createdAt - b.createdAt);
    this.#byFolder.set(folder, owners);
  }

  #release(entry: Entry | undefined, location: string): void {
    const folder = folderOf(location).replace(/^s3[an]:/, 's3:');
    const count = entry?.claims.get(folder);
    if (entry === undefined || count === undefined) return;
    if (count > 1) entry.claims.set(folder, count - 1);
    else this.#forget(entry, folder);
  }

  #forget(entry: Entry, folder: string): void {
    entry.claims.delete(folder);
    const owners = (this.#byFolder.get(folder) ?? []).filter((owner) => owner !== entry);
    if (owners.length === 0) this.#byFolder.delete(folder);
    else this.#byFolder.set(folder, owners);
  }

  /** Keeps a sorted list sorted, as a new list: readers may hold the old one. */
  #place(key: string, name: string, where: 'in' | 'out'): void {
    const known = this.#sorted.get(key);
    if (known === undefined) return;
    const at = firstNotBefore(known, name);
    if ((known[at] === name) === (where === 'in')) return;
    this.#sorted.set(key, where === 'in' ? known.toSpliced(at, 0, name) : known.toSpliced(at, 1));
  }

  #sortedNames(key: string, names: ReadonlyMap<string, unknown>): readonly string[] {
    const known = this.#sorted.get(key);
    if (known !== undefined) return known;
    const sorted = [...names.keys()].sort();
    this.#sorted.set(key, sorted);
    return sorted;
  }
}

function candidates(name: string, names: readonly string[]): readonly string[] {
  return names.length <= COMPARED_NAMES
    ? names
    : names.filter((other) => other[0] === name[0]).slice(0, COMPARED_NAMES);
}

function firstNotBefore(names: readonly string[], name: string): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (names[middle]! < name) low = middle + 1;
    else high = middle;
  }
  return low;
}
