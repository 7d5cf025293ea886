import type { TableRequirement, TableUpdate } from '../../storage/contract.ts';
import { LochError } from '../../core/errors.ts';
import { bodyObject, type IcebergAnswer, type IcebergRequest, identifierOf, listMember, tableOf } from './request.ts';
import { entityTag, withEmptyParts } from './tables.ts';

type Body = Readonly<Record<string, unknown>>;

const changeOf = (body: Body) => ({
  requirements: listMember<TableRequirement>(body, 'requirements', 'type'),
  updates: listMember<TableUpdate>(body, 'updates', 'action'),
});

/** The table after requirements were checked and updates applied. **Errors**: `commit_conflict`. */
export async function commitTable(request: IcebergRequest): Promise<IcebergAnswer> {
  const table = await request.catalog.commitUpdates(request.context, tableOf(request), changeOf(bodyObject(request)));
  return committed(table, request);
}

/** The table as it is since an earlier request with the same key committed. */
export async function committedTable(request: IcebergRequest): Promise<IcebergAnswer> {
  return committed(await request.catalog.openForEngine(request.context, tableOf(request)), request);
}

function committed(
  table: Awaited<ReturnType<IcebergRequest['catalog']['openForEngine']>>,
  request: IcebergRequest,
): IcebergAnswer {
  return {
    status: 200,
    body: { 'metadata-location': table.record.metadataLocation, metadata: withEmptyParts(table.metadata!) },
    headers: { etag: entityTag(table, request) },
  };
}

/** No content once every table of the body has its changes. **Errors**: `commit_conflict`; then none has any. */
export async function commitTransaction(request: IcebergRequest): Promise<IcebergAnswer> {
  const changes = bodyObject(request)['table-changes'];
  if (!Array.isArray(changes) || changes.length === 0) {
    throw new LochError('missing_argument', 'The member `table-changes` must be a list of changes.');
  }
  await request.catalog.commitTransaction(
    request.context,
    changes.map((change: Body) => ({ name: identifierOf(change?.identifier, 'identifier'), ...changeOf(change) })),
  );
  return { status: 204 };
}
