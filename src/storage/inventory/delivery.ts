/** Where the parts of a list go, and what its manifest says. **Source**: S3 User Guide, "Locating your inventory list". */
import { s3Arn } from '../../core/arn.ts';
import { fileSchema, type InventoryColumn } from './columns.ts';
import type { InventoryConfiguration } from './configuration.ts';
import type { InventoryFile } from './contract-types.ts';

/** `<prefix>/<source bucket>/<id>/`. */
export function folderOf(bucket: string, { id, destination }: InventoryConfiguration): string {
  const prefix = destination.prefix?.replace(/\/$/, '') ?? '';
  return `${prefix === '' ? '' : `${prefix}/`}${bucket}/${id}/`;
}

/** The name of a file of a list: the same again for whoever writes it again. */
export function partKey(folder: string, runId: string, number: number, format: 'CSV' | 'Parquet'): string {
  return `${folder}data/${runId}-${number}.${format === 'CSV' ? 'csv.gz' : 'parquet'}`;
}

/** An object that tells of a finished list. */
interface Told {
  readonly key: string;
  readonly body: string;
  readonly contentType: string;
}

/** The names that are written when a list of `startedAt` is finished; the manifest's checksum comes after the manifest. */
export function manifestKeys(folder: string, startedAt: number) {
  const day = new Date(startedAt).toISOString().slice(0, 10);
  const dated = `${folder}${day}T00-00Z/`;
  return {
    symlink: `${folder}hive/dt=${day}-00-00/symlink.txt`,
    manifest: `${dated}manifest.json`,
    checksum: `${dated}manifest.checksum`,
  };
}

/** The manifest, and the list of files that engines with Hive's tables read. */
export function manifestOf(
  bucket: string,
  configuration: InventoryConfiguration,
  columns: readonly InventoryColumn[],
  list: { readonly startedAt: number; readonly files: readonly InventoryFile[] },
): { readonly symlink: Told; readonly manifest: Told } {
  const { format, bucket: target } = configuration.destination;
  const keys = manifestKeys(folderOf(bucket, configuration), list.startedAt);
  const manifest = {
    sourceBucket: bucket,
    destinationBucket: s3Arn(target),
    version: '2016-11-30',
    creationTimestamp: String(list.startedAt),
    fileFormat: format,
    fileSchema: fileSchema(format, columns),
    files: list.files,
  };
  return {
    symlink: {
      key: keys.symlink,
      body: list.files.map(({ key }) => `s3://${target}/${key}`).join('\n'),
      contentType: 'text/plain',
    },
    manifest: { key: keys.manifest, body: JSON.stringify(manifest, undefined, 2), contentType: 'application/json' },
  };
}
