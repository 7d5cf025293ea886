import type { ObjectStore } from '../contract.ts';
import type { ListedVersion } from './columns.ts';
import type { InventoryConfiguration } from './configuration.ts';

/** Where a listing goes on: after a version, after a key, or nowhere any more. */
export type ListPosition = { readonly key: string; readonly versionId?: string } | 'begin' | 'end';

const PAGE = 1000;

/** The page at a position other than the end, and the position after it. */
export async function listedPage(
  objects: ObjectStore,
  bucket: string,
  { versions, prefix }: Pick<InventoryConfiguration, 'versions' | 'prefix'>,
  at: Exclude<ListPosition, 'end'>,
): Promise<{ readonly versions: readonly ListedVersion[]; readonly next: ListPosition }> {
  const below = prefix === undefined ? {} : { prefix };
  const after = at === 'begin' ? undefined : at;
  if (versions === 'All') {
    const page = await objects.listVersions(bucket, { ...below, max: PAGE, ...(after === undefined ? {} : { after }) });
    return { versions: page.versions, next: page.next ?? 'end' };
  }
  const page = await objects.list(bucket, {
    ...below,
    maxKeys: PAGE,
    ...(after === undefined ? {} : { startAfter: after.key }),
  });
  return { versions: page.objects, next: page.next === undefined ? 'end' : { key: page.next } };
}
