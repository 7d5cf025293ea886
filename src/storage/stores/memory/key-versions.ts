/** The versions of one key in memory, newest first. The rules are those of `storage/versions.ts`. */
import type {
  AttributeChange,
  BucketInfo,
  DeleteName,
  DeleteResult,
  ObjectHead,
  ObjectName,
  ObjectPart,
  ObjectVersion,
} from '../../contract.ts';
import { checkDeleteConditions } from '../conditions.ts';
import { objectMarkedDeleted, objectMissing, versionIsMarker, versionMissing } from '../names.ts';
import { assertLockable, assertRemovable, changedAttributes } from '../object-lock.ts';

/** A version with its bytes; a delete marker has none. */
export interface Stored {
  readonly head: ObjectHead;
  readonly bytes: Buffer;
  readonly marker: boolean;
  readonly uploadId?: string;
  readonly parts?: readonly ObjectPart[];
  readonly noncurrentSince?: number;
}

interface Asking {
  readonly now: number;
  readonly bypassGovernance?: boolean;
}

const shownId = ({ isNull, versionId }: ObjectHead): string => (isNull === true ? 'null' : versionId);

/** The versions of one key. */
export class KeyVersions {
  readonly #name: ObjectName;
  #versions: Stored[] = [];

  constructor(name: ObjectName) {
    this.#name = name;
  }

  get isEmpty(): boolean {
    return this.#versions.length === 0;
  }

  /** The version that the key shows. */
  get current(): Stored | undefined {
    const [newest] = this.#versions;
    return newest?.marker === false ? newest : undefined;
  }

  /** **Errors**: the reason why there is nothing to read. */
  require(versionId: string | undefined): Stored {
    const { bucket, key } = this.#name;
    const found = versionId === undefined ? this.#versions[0] : this.#find(versionId);
    if (found === undefined) {
      throw versionId === undefined ? objectMissing(bucket, key) : versionMissing(bucket, key, versionId);
    }
    if (!found.marker) return found;
    throw versionId === undefined
      ? objectMarkedDeleted(bucket, key, shownId(found.head))
      : versionIsMarker(bucket, key, shownId(found.head), found.head.lastModified);
  }

  #find(versionId: string): Stored | undefined {
    return this.#versions.find(({ head }) =>
      versionId === 'null' ? head.isNull === true : head.versionId === versionId,
    );
  }

  /** Puts a version on top; what it replaces is gone or noncurrent. **Errors**: `access_denied`. */
  push(version: Stored, info: BucketInfo, now: number): void {
    if (info.versioning === undefined) {
      this.#versions = [version];
      return;
    }
    const replaced = version.head.isNull === true ? this.#find('null') : undefined;
    if (replaced !== undefined) assertRemovable(this.#name, replaced.head.attributes, { now });
    const older = this.#versions.filter((one) => one !== replaced);
    this.#versions = [version, ...older.map((one) => ({ ...one, noncurrentSince: one.noncurrentSince ?? now }))];
  }

  /** **Errors**: `precondition_failed`, `object_not_found`, `access_denied`. */
  remove(name: DeleteName, info: BucketInfo, marker: () => Stored, asking: Asking): DeleteResult {
    if (name.versionId !== undefined) return this.#removeOne(name, name.versionId, asking);
    this.#check(name, this.#versions[0]);
    if (info.versioning === undefined) {
      this.#versions = [];
      return {};
    }
    const made = marker();
    this.push(made, info, asking.now);
    const { versionId, isNull } = made.head;
    return { versionId, deleteMarker: true, ...(isNull === true ? { isNull } : {}) };
  }

  #removeOne(name: DeleteName, versionId: string, asking: Asking): DeleteResult {
    const found = this.#find(versionId);
    this.#check(name, found);
    if (found === undefined) return versionId === 'null' ? { versionId, isNull: true } : { versionId };
    assertRemovable(this.#name, found.head.attributes, asking);
    const [newest, ...older] = this.#versions.filter((one) => one !== found);
    if (newest === undefined) this.#versions = [];
    else {
      const { noncurrentSince: _, ...current } = newest;
      this.#versions = [current, ...older];
    }
    const { isNull } = found.head;
    return {
      versionId: found.head.versionId,
      ...(isNull === true ? { isNull } : {}),
      ...(found.marker ? { deleteMarker: true as const } : {}),
    };
  }

  #check(name: DeleteName, found: Stored | undefined): void {
    const facts = found === undefined ? undefined : { ...found.head, modifiedAt: found.head.lastModified };
    checkDeleteConditions(this.#name, facts, name, found?.marker === true);
  }

  /** **Errors**: those of `require`; `access_denied`, `object_lock_missing`. */
  update(versionId: string | undefined, change: AttributeChange, info: BucketInfo, asking: Asking): ObjectHead {
    const found = this.require(versionId);
    assertLockable(info.name, info.objectLock === true, change);
    const attributes = changedAttributes(this.#name, found.head.attributes, change, asking);
    const head = { ...found.head, attributes };
    this.#versions = this.#versions.map((one) => (one === found ? { ...one, head } : one));
    return head;
  }

  /** As a listing of versions tells them. */
  listed(): ObjectVersion[] {
    return this.#versions.map(({ head, marker, noncurrentSince }, i) => ({
      ...head,
      isLatest: i === 0,
      ...(marker ? { deleteMarker: true as const } : {}),
      ...(i === 0 || noncurrentSince === undefined ? {} : { noncurrentSince }),
    }));
  }
}
