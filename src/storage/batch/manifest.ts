/**
 * The objects of a job, one after the other, from a place in its manifest on. What is read, is read in the name of the
 * job's role; nothing is held but a line, or a page of a listing.
 * **Source**: S3 User Guide, "Specifying a manifest"; RFC 4180. Keys in manifests are URL-encoded.
 */
import { createGunzip } from 'node:zlib';
import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { BucketSettings, ObjectAccess, ObjectName, ObjectVersion, VersionName } from '../contract.ts';
import { matchRules } from '../replication/match-rules.ts';
import type { BatchManifest, ManifestFilter } from './contract-types.ts';

export interface ManifestDeps {
  readonly access: ObjectAccess;
  readonly settings: Pick<BucketSettings, 'get'>;
}

const MAX_MANIFEST_JSON = 4 << 20;
const MAX_LINE = 16 << 10;

/** **Errors**: `invalid_argument` for a manifest that is not what was said of it; those of reading it. */
export async function* tasksOf(
  deps: ManifestDeps,
  context: RequestContext,
  manifest: BatchManifest,
  from: number,
): AsyncGenerator<VersionName, void, void> {
  const all = manifest.kind === 'generated' ? generated(deps, context, manifest) : listed(deps, context, manifest);
  let number = 0;
  for await (const task of all) {
    number += 1;
    if (number > from) yield task;
  }
}

async function* listed(
  deps: ManifestDeps,
  context: RequestContext,
  manifest: Extract<BatchManifest, { kind: 'csv' | 'inventory' }>,
): AsyncGenerator<VersionName, void, void> {
  const { object, versionId, etag } = manifest;
  const read = { ifMatch: `"${etag.replaceAll('"', '')}"`, ...(versionId === undefined ? {} : { versionId }) };
  if (manifest.kind === 'csv') {
    yield* rowsOf(await bytesOf(deps, context, object, read), manifest.fields);
    return;
  }
  let text = '';
  for await (const chunk of await bytesOf(deps, context, object, read)) {
    text += Buffer.from(chunk).toString('utf8');
    if (text.length > MAX_MANIFEST_JSON) throw new LochError('invalid_argument', 'The manifest.json is too large.');
  }
  const { fileFormat, fileSchema, files, destinationBucket } = parseInventory(text);
  if (fileFormat !== 'CSV')
    throw new LochError('unsupported', `Inventories in ${fileFormat} are no manifests. Use CSV.`);
  const fields = fileSchema.split(',').map((name) => fieldOf(name.trim()));
  const bucket = destinationBucket.replace(/^arn:aws:s3:::/, '');
  for (const { key } of files) {
    const packed = await bytesOf(deps, context, { bucket, key }, {});
    yield* rowsOf(key.endsWith('.gz') ? unpacked(packed) : packed, fields);
  }
}

interface InventoryManifest {
  readonly fileFormat: string;
  readonly fileSchema: string;
  readonly destinationBucket: string;
  readonly files: readonly { readonly key: string }[];
}

function parseInventory(text: string): InventoryManifest {
  try {
    const value = JSON.parse(text) as InventoryManifest;
    if (typeof value.fileSchema === 'string' && Array.isArray(value.files)) return value;
  } catch (error) {
    throw new LochError('invalid_argument', 'The manifest is no manifest.json of an inventory.', { cause: error });
  }
  throw new LochError('invalid_argument', 'The manifest is no manifest.json of an inventory.');
}

type Field = 'Bucket' | 'Key' | 'VersionId' | 'IsDeleteMarker' | 'Ignore';
const fieldOf = (name: string): Field =>
  name === 'Bucket' || name === 'Key' || name === 'VersionId' || name === 'IsDeleteMarker' ? name : 'Ignore';

async function bytesOf(
  deps: ManifestDeps,
  context: RequestContext,
  name: ObjectName,
  read: Parameters<ObjectAccess['getObject']>[2],
): Promise<AsyncIterable<Uint8Array>> {
  return (await deps.access.getObject(context, name, read)).body;
}

async function* unpacked(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const gunzip = createGunzip();
  const feed = (async () => {
    try {
      for await (const chunk of packed) {
        if (!gunzip.write(chunk)) await new Promise((resolve) => gunzip.once('drain', resolve));
      }
      gunzip.end();
    } catch (error) {
      gunzip.destroy(error as Error);
    }
  })();
  yield* gunzip as AsyncIterable<Uint8Array>;
  await feed;
}

async function* rowsOf(
  bytes: AsyncIterable<Uint8Array>,
  fields: readonly Field[],
): AsyncGenerator<VersionName, void, void> {
  for await (const line of linesOf(bytes)) {
    if (line.trim() === '') continue;
    const cells = cellsOf(line);
    if (cells.length !== fields.length) {
      throw new LochError(
        'invalid_argument',
        `A line of the manifest has ${cells.length} fields, not ${fields.length} (${fields.join(', ')}): \`${line.slice(0, 200)}\`.`,
      );
    }
    const cell = (field: Field): string | undefined => {
      const i = fields.indexOf(field);
      return i === -1 || cells[i] === '' ? undefined : cells[i];
    };
    if (cell('IsDeleteMarker') === 'true') continue;
    const versionId = cell('VersionId');
    yield {
      bucket: cell('Bucket') ?? '',
      key: decoded(cell('Key') ?? ''),
      ...(versionId === undefined ? {} : { versionId }),
    };
  }
}

/** A key as manifests have it; what is not encoded is taken as it is. */
function decoded(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', '%20'));
  } catch {
    return key; // an unencoded percent sign
  }
}

async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of bytes) {
    rest += decoder.decode(chunk, { stream: true });
    let end = rest.indexOf('\n');
    for (; end !== -1; end = rest.indexOf('\n')) {
      yield rest.slice(0, end).replace(/\r$/, '');
      rest = rest.slice(end + 1);
    }
    if (rest.length > MAX_LINE)
      throw new LochError('invalid_argument', `A line of the manifest is longer than ${MAX_LINE}.`);
  }
  rest += decoder.decode();
  if (rest !== '') yield rest;
}

/** The fields of a line: quoted ones may hold commas, and a quote as two. */
function cellsOf(line: string): string[] {
  const cells: string[] = [];
  const pattern = /(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/gy;
  for (let at = 0; at <= line.length; at = pattern.lastIndex) {
    pattern.lastIndex = at;
    const match = pattern.exec(line);
    if (match === null) break;
    cells.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (pattern.lastIndex === line.length) break;
  }
  return cells;
}

/** Current objects; all versions where replication is asked for. */
async function* generated(
  deps: ManifestDeps,
  context: RequestContext,
  { bucket, filter }: Extract<BatchManifest, { kind: 'generated' }>,
): AsyncGenerator<VersionName, void, void> {
  const configuration = await deps.settings.get(bucket, 'replication');
  const { bucket: _, ...versioned } = {
    bucket,
    all: (await deps.access.headBucket(context, bucket)).versioning !== undefined,
  };
  let after: { readonly key: string; readonly versionId?: string } | undefined;
  do {
    const page = await deps.access.listVersions(context, bucket, after === undefined ? {} : { after });
    for (const version of page.versions) {
      if (version.deleteMarker === true || (filter.eligibleForReplication !== true && !version.isLatest)) continue;
      if (!matches(version, filter)) continue;
      if (filter.eligibleForReplication === true) {
        const tags = version.attributes.tags ?? {};
        const encryption = version.attributes.encryption?.algorithm;
        if (version.attributes.replicationStatus === 'REPLICA' || configuration === undefined) continue;
        if (matchRules(configuration, { key: version.key, tags, encryption }).length === 0) continue;
      }
      const { key } = version;
      yield versioned.all
        ? { bucket, key, versionId: version.isNull === true ? 'null' : version.versionId }
        : { bucket, key };
    }
    after = page.next;
  } while (after !== undefined);
}

function matches(version: ObjectVersion, filter: ManifestFilter): boolean {
  const { key, size, lastModified, attributes } = version;
  const { prefixes, suffixes, substrings, replicationStatuses, storageClasses } = filter;
  return (
    (filter.createdAfter === undefined || lastModified >= filter.createdAfter) &&
    (filter.createdBefore === undefined || lastModified < filter.createdBefore) &&
    (filter.largerThan === undefined || size > filter.largerThan) &&
    (filter.smallerThan === undefined || size < filter.smallerThan) &&
    (prefixes === undefined || prefixes.some((prefix) => key.startsWith(prefix))) &&
    (suffixes === undefined || suffixes.some((suffix) => key.endsWith(suffix))) &&
    (substrings === undefined || substrings.some((text) => key.includes(text))) &&
    (replicationStatuses === undefined || replicationStatuses.includes(attributes.replicationStatus ?? 'NONE')) &&
    (storageClasses === undefined || storageClasses.includes(attributes.storageClass ?? 'STANDARD'))
  );
}
