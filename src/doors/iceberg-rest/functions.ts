import { restFailure } from './errors.ts';
import { databaseOf, type IcebergAnswer, type IcebergRequest } from './request.ts';

/** The functions of a namespace that engines may load: there are none with a definition Iceberg has a form for. */
export async function listFunctions(request: IcebergRequest): Promise<IcebergAnswer> {
  await request.catalog.getDatabase(request.context, databaseOf(request));
  return { status: 200, body: { identifiers: [] } };
}

/** **Errors**: always that there is no such function, after the namespace was found. */
export async function loadFunction(request: IcebergRequest): Promise<IcebergAnswer> {
  const database = databaseOf(request);
  await request.catalog.getDatabase(request.context, database);
  throw restFailure(
    'NoSuchFunctionException',
    404,
    'not_found',
    `Function \`${database}.${request.path.function}\` does not exist.`,
  );
}
