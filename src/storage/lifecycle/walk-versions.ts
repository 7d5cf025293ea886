import type { ObjectStore, ObjectVersion } from '../contract.ts';
import type { VersionFacts } from './evaluate.ts';

/** A version as it is listed, with what rules ask of it beside. */
export interface WalkedVersion {
  readonly version: ObjectVersion;
  readonly facts: Omit<VersionFacts, 'lastAccess'>;
}

/** Versions of whole keys; `after` is the last of them. */
export interface WalkedBatch {
  readonly versions: readonly WalkedVersion[];
  /** Where a later walk may go on; undefined when a key goes on in the next batch and none ended in this one. */
  readonly position: string | undefined;
}

const PAGE = 1000;

/**
 * All versions of a bucket in the order of keys, the newest of a key first, from after the key `position`.
 * **Cost**: memory of one page, however many versions a key has.
 */
export async function* walkVersions(
  objects: ObjectStore,
  bucket: string,
  position: string | null,
): AsyncGenerator<WalkedBatch> {
  let after: { readonly key: string; readonly versionId?: string } | undefined =
    position === null ? undefined : { key: position };
  let key: string | undefined;
  let newer = 0;
  // A marker is told when it is known whether something stands behind it.
  let marker: ObjectVersion | undefined;
  let done: string | undefined;
  const factsOf = (version: ObjectVersion, alone: boolean): WalkedVersion => ({
    version,
    facts: {
      key: version.key,
      size: version.size,
      tags: version.attributes.tags ?? {},
      storageClass: version.attributes.storageClass ?? 'STANDARD',
      lastModified: version.lastModified,
      deleteMarker: version.deleteMarker === true,
      alone,
      ...(version.isLatest ? {} : { noncurrent: { since: version.noncurrentSince ?? version.lastModified, newer } }),
    },
  });
  for (;;) {
    const page = await objects.listVersions(bucket, { max: PAGE, ...(after === undefined ? {} : { after }) });
    const walked: WalkedVersion[] = [];
    for (const version of page.versions) {
      if (version.key !== key) {
        if (marker !== undefined) walked.push(factsOf(marker, true));
        marker = undefined;
        done = key;
        key = version.key;
        newer = 0;
      } else if (marker !== undefined) {
        walked.push(factsOf(marker, false));
        marker = undefined;
      }
      if (version.isLatest && version.deleteMarker === true) marker = version;
      else walked.push(factsOf(version, false));
      if (!version.isLatest && version.deleteMarker !== true) newer++;
    }
    if (page.next === undefined) {
      if (marker !== undefined) walked.push(factsOf(marker, true));
      yield { versions: walked, position: key };
      return;
    }
    yield { versions: walked, position: done };
    after = page.next;
  }
}
