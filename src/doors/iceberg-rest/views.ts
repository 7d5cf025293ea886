import type { LoadedView, ViewVersion } from '../../catalog/contract.ts';
import { LochError } from '../../core/errors.ts';
import type { IcebergSchema, TableRequirement, TableUpdate } from '../../storage/contract.ts';
import {
  bodyObject,
  databaseOf,
  type IcebergAnswer,
  type IcebergRequest,
  listMember,
  textMap,
  textMember,
} from './request.ts';
import { listed, renamed } from './tables.ts';

const nameOf = (request: IcebergRequest) => ({ database: databaseOf(request), table: request.path.view ?? '' });

const answer = ({ metadata, metadataLocation }: LoadedView): IcebergAnswer => ({
  status: 200,
  body: { 'metadata-location': metadataLocation, metadata, config: {} },
});

/** The views of a namespace that the caller may see, whatever door made them. */
export const listViews = (request: IcebergRequest): Promise<IcebergAnswer> => listed(request, 'view');

/** The new view. **Errors**: `already_exists` when a table or view has the name. */
export async function createView(request: IcebergRequest): Promise<IcebergAnswer> {
  const body = bodyObject(request);
  const schema = body.schema as IcebergSchema | undefined;
  const version = body['view-version'] as ViewVersion | undefined;
  if (!Array.isArray(schema?.fields)) throw new LochError('missing_argument', 'The member `schema` is missing.');
  if (version === undefined || version === null) {
    throw new LochError('missing_argument', 'The member `view-version` is missing.');
  }
  const view = await request.catalog.createView(request.context, databaseOf(request), {
    name: textMember(body, 'name'),
    schema,
    version,
    properties: textMap(body, 'properties'),
    ...(typeof body.location === 'string' ? { location: body.location } : {}),
  });
  return answer(view);
}

/** The view that an earlier request with the same key made or registered, by the body's `name`. */
export async function createdView(request: IcebergRequest): Promise<IcebergAnswer> {
  const name = { database: databaseOf(request), table: textMember(bodyObject(request), 'name') };
  return answer(await request.catalog.openView(request.context, name));
}

/** A view with its versions. `referenced-by` gives nobody more than he has: views run with the caller's own rights. */
export async function loadView(request: IcebergRequest): Promise<IcebergAnswer> {
  return answer(await request.catalog.openView(request.context, nameOf(request)));
}

/** No content when the caller may load the view. */
export async function viewExists(request: IcebergRequest): Promise<IcebergAnswer> {
  await request.catalog.openView(request.context, nameOf(request));
  return { status: 204 };
}

/** The view after requirements were checked and updates applied. **Errors**: `commit_conflict`. */
export async function replaceView(request: IcebergRequest): Promise<IcebergAnswer> {
  const body = bodyObject(request);
  const view = await request.catalog.replaceView(request.context, nameOf(request), {
    requirements: listMember<TableRequirement>(body, 'requirements', 'type'),
    updates: listMember<TableUpdate>(body, 'updates', 'action'),
  });
  return answer(view);
}

/** No content once the view is gone. */
export async function dropView(request: IcebergRequest): Promise<IcebergAnswer> {
  await request.catalog.dropView(request.context, nameOf(request));
  return { status: 204 };
}

/** No content once the view bears its new name. */
export const renameView = (request: IcebergRequest): Promise<IcebergAnswer> => renamed(request, 'view');

/** The view whose metadata file the body names. */
export async function registerView(request: IcebergRequest): Promise<IcebergAnswer> {
  const body = bodyObject(request);
  const name = { database: databaseOf(request), table: textMember(body, 'name') };
  return answer(await request.catalog.registerView(request.context, name, textMember(body, 'metadata-location')));
}
