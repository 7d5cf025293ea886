/**
 * What a bucket holds, as a model small enough to be right: the versions of each key, newest first. Every change gives a
 * new model, so that one whose outcome is not known can be compared with both.
 */
import type { BucketVersioning, ObjectStore } from '../../storage/contract.ts';

/** A version by what can be seen of it; a delete marker has no body. */
export interface ModelVersion {
  readonly body: string | undefined;
  readonly isNull: boolean;
  readonly tags?: string;
}

/** A bucket. */
export interface Model {
  readonly versioning: BucketVersioning | undefined;
  readonly keys: Readonly<Record<string, readonly ModelVersion[]>>;
}

/** A bucket that holds nothing and never kept versions. */
export const EMPTY: Model = { versioning: undefined, keys: {} };

const versionsOf = (model: Model, key: string): readonly ModelVersion[] => model.keys[key] ?? [];

function withKey(model: Model, key: string, versions: readonly ModelVersion[]): Model {
  const { [key]: _, ...others } = model.keys;
  return { ...model, keys: versions.length === 0 ? others : { ...others, [key]: versions } };
}

/** The version a key shows. */
export function currentOf(model: Model, key: string): ModelVersion | undefined {
  const [newest] = versionsOf(model, key);
  return newest?.body === undefined ? undefined : newest;
}

function push(model: Model, key: string, version: Omit<ModelVersion, 'isNull'>): Model {
  const isNull = model.versioning !== 'Enabled';
  const before = model.versioning === undefined ? [] : versionsOf(model, key);
  return withKey(model, key, [{ ...version, isNull }, ...before.filter((one) => !(isNull && one.isNull))]);
}

/** After a write of `body`. */
export const afterPut = (model: Model, key: string, body: string, tags?: string): Model =>
  push(model, key, { body, ...(tags === undefined ? {} : { tags }) });

/** After a delete without a version. */
export const afterDelete = (model: Model, key: string): Model =>
  model.versioning === undefined ? withKey(model, key, []) : push(model, key, { body: undefined });

/** After the removal of the version at `index`, for good. */
export const afterRemoval = (model: Model, key: string, index: number): Model =>
  withKey(
    model,
    key,
    versionsOf(model, key).filter((_, i) => i !== index),
  );

/** After a change of the tags of the version at `index`. */
export const afterTagging = (model: Model, key: string, index: number, tags: string): Model =>
  withKey(
    model,
    key,
    versionsOf(model, key).map((one, i) => (i === index ? { ...one, tags } : one)),
  );

/** What a bucket really holds, every byte of it read. */
export async function observed(store: ObjectStore, bucket: string): Promise<Model> {
  const keys: Record<string, ModelVersion[]> = {};
  let after: { key: string; versionId?: string } | undefined;
  do {
    const page = await store.listVersions(bucket, { max: 7, ...(after === undefined ? {} : { after }) });
    for (const { key, versionId, deleteMarker, isNull, attributes } of page.versions) {
      const body = deleteMarker === true ? undefined : await textOf(store, bucket, key, versionId);
      const tags = attributes.tags?.t;
      const version = { body, isNull: isNull === true, ...(tags === undefined ? {} : { tags }) };
      keys[key] = [...(keys[key] ?? []), version];
    }
    after = page.next;
  } while (after !== undefined);
  const { versioning } = await store.bucket(bucket);
  return { versioning, keys };
}

async function textOf(store: ObjectStore, bucket: string, key: string, versionId: string): Promise<string> {
  const { body } = await store.get(bucket, key, { versionId });
  const bytes = Buffer.concat((await body.toArray()) as Buffer[]);
  return bytes.toString();
}
