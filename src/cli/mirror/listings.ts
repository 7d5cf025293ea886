/** Versions of two buckets side by side, key by key in the order of S3 listings, without holding either bucket in memory. */
import { ListObjectVersionsCommand, type S3Client } from '@aws-sdk/client-s3';

/** A version or a delete marker. */
export interface Entry {
  readonly marker: boolean;
  readonly versionId: string;
  readonly etag: string;
  /** **Units**: bytes. */
  readonly size: number;
}

/** A key with all that is listed of it, oldest first. */
export interface KeyVersions {
  readonly key: string;
  readonly entries: readonly Entry[];
}

/** A place in a service. */
export interface Side {
  readonly client: S3Client;
  readonly bucket: string;
  readonly prefix: string;
}

/** Every key of a side. **Cost**: memory of the versions of one key. */
export async function* keysOf({ client, bucket, prefix }: Side): AsyncGenerator<KeyVersions> {
  let marker: { KeyMarker?: string; VersionIdMarker?: string } = {};
  let key: string | undefined;
  let entries: Entry[] = [];
  for (;;) {
    const page = await client.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix, ...marker }));
    const listed = [
      ...(page.Versions ?? []).map((version) => ({ ...version, marker: false })),
      ...(page.DeleteMarkers ?? []).map((version) => ({ ...version, marker: true, ETag: '', Size: 0 })),
    ].sort(inListedOrder);
    for (const { Key, VersionId, ETag, Size, marker: isMarker } of listed) {
      if (Key !== key) {
        if (key !== undefined) yield { key, entries };
        key = Key!;
        entries = [];
      }
      // Newest first in the listing.
      entries.unshift({ marker: isMarker, versionId: VersionId ?? 'null', etag: ETag ?? '', size: Size ?? 0 });
    }
    if (page.IsTruncated !== true) break;
    marker = {
      ...(page.NextKeyMarker === undefined ? {} : { KeyMarker: page.NextKeyMarker }),
      ...(page.NextVersionIdMarker === undefined ? {} : { VersionIdMarker: page.NextVersionIdMarker }),
    };
  }
  if (key !== undefined) yield { key, entries };
}

interface Listed {
  readonly Key?: string | undefined;
  readonly LastModified?: Date | undefined;
  readonly IsLatest?: boolean | undefined;
}

/** The SDK tells versions and delete markers apart; within a key the newest comes first. */
function inListedOrder(a: Listed, b: Listed): number {
  const byKey = byBytes(a.Key!, b.Key!);
  if (byKey !== 0) return byKey;
  if (a.IsLatest !== b.IsLatest) return a.IsLatest === true ? -1 : 1;
  return (b.LastModified?.getTime() ?? 0) - (a.LastModified?.getTime() ?? 0);
}

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** Both sides merged: keys of either, each once. */
export async function* sideBySide(
  source: AsyncGenerator<KeyVersions>,
  target: AsyncGenerator<KeyVersions>,
): AsyncGenerator<{ readonly key: string; readonly source: readonly Entry[]; readonly target: readonly Entry[] }> {
  let a = await source.next();
  let b = await target.next();
  while (a.done !== true || b.done !== true) {
    const order = a.done === true ? 1 : b.done === true ? -1 : byBytes(a.value.key, b.value.key);
    const { key } = (order <= 0 ? a.value : b.value) as KeyVersions;
    yield {
      key,
      source: order <= 0 ? (a.value as KeyVersions).entries : [],
      target: order >= 0 ? (b.value as KeyVersions).entries : [],
    };
    if (order <= 0) a = await source.next();
    if (order >= 0) b = await target.next();
  }
}

/** Whether a version of the target can be that of the source; `by size` when their ETags differ, as those under keys do. */
export function isSame(source: Entry, target: Entry): 'yes' | 'no' | 'by size' {
  if (source.marker || target.marker) return source.marker === target.marker ? 'yes' : 'no';
  if (source.size !== target.size) return 'no';
  return source.etag === target.etag ? 'yes' : 'by size';
}
