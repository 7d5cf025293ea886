import type {
  BatchCreatePartitionRequest,
  BatchCreatePartitionResponse,
  BatchDeletePartitionRequest,
  BatchDeletePartitionResponse,
  BatchGetPartitionRequest,
  BatchGetPartitionResponse,
  BatchUpdatePartitionRequest,
  BatchUpdatePartitionResponse,
  CreatePartitionIndexRequest,
  CreatePartitionRequest,
  DeletePartitionIndexRequest,
  DeletePartitionRequest,
  GetPartitionIndexesRequest,
  GetPartitionIndexesResponse,
  GetPartitionRequest,
  GetPartitionResponse,
  GetPartitionsRequest,
  GetPartitionsResponse,
  PartitionError,
  PartitionInput,
  UpdatePartitionRequest,
} from '@aws-sdk/client-glue';
import { createHash } from 'node:crypto';
import type { Catalog, PartitionRecord } from '../../../catalog/contract.ts';
import type { RequestContext } from '../../../core/caller.ts';
import { isLochError, LochError } from '../../../core/errors.ts';
import type { OperationSpec } from '../service.ts';
import { errorDetail } from './errors.ts';
import { checkBatch, checkCatalog, isTexts, pageSize, positionOf, tokenOf } from './pages.ts';
import { fromPartition, toPartition } from './shapes.ts';

const PAGE = 1000;
const SEGMENTS = 10;

const nameOf = (input: { DatabaseName: string | undefined; TableName: string | undefined }) => ({
  database: input.DatabaseName!,
  table: input.TableName!,
});

/** Which segment of `total` a partition is in: disjoint and complete, the same for every caller. */
function segmentOf(partition: PartitionRecord, total: number): number {
  return createHash('sha256').update(JSON.stringify(partition.values)).digest().readUInt32BE() % total;
}

/** One page of partitions, with those of other segments passed over. */
async function pageOf(catalog: Catalog, context: RequestContext, input: GetPartitionsRequest) {
  const limit = pageSize(input.MaxResults, PAGE);
  const segment = input.Segment;
  if (segment !== undefined) {
    const { SegmentNumber: number = 0, TotalSegments: total = 0 } = segment;
    if (!(total >= 1 && total <= SEGMENTS && number >= 0 && number < total)) {
      throw new LochError(
        'invalid_argument',
        `Segment ${number} of ${total} is not one of 1 to ${SEGMENTS} segments, counted from 0.`,
      );
    }
  }
  const found: PartitionRecord[] = [];
  let after: readonly string[] | undefined = positionOf(input.NextToken, isTexts);
  for (;;) {
    const wanted = segment === undefined ? limit + 1 : PAGE;
    const page = await catalog.listPartitions(context, nameOf(input), {
      limit: wanted,
      ...(after === undefined ? {} : { after }),
      ...(input.Expression === undefined ? {} : { expression: input.Expression }),
      ...(input.QueryAsOfTime === undefined ? {} : { asOf: input.QueryAsOfTime.getTime() }),
    });
    for (const partition of page) {
      if (segment !== undefined && segmentOf(partition, segment.TotalSegments!) !== segment.SegmentNumber) continue;
      if (found.length === limit) return { found, next: tokenOf(found.at(-1)!.values) };
      found.push(partition);
    }
    if (page.length < wanted) return { found };
    after = page.at(-1)!.values;
  }
}

async function getPartitions(
  catalog: Catalog,
  context: RequestContext,
  input: GetPartitionsRequest,
): Promise<GetPartitionsResponse> {
  checkCatalog(context, input.CatalogId);
  if (input.TransactionId !== undefined) {
    throw new LochError('unsupported', '`TransactionId` is of governed tables, which are not supported.');
  }
  const { found, next } = await pageOf(catalog, context, input);
  const table = await catalog.getTable(context, nameOf(input));
  const options = { excludeColumns: input.ExcludeColumnSchema === true };
  return {
    Partitions: found.map((partition) => fromPartition(partition, table, context.accountId, options)),
    ...(next === undefined ? {} : { NextToken: next }),
  };
}

/** All in one transaction; when that fails for some, each alone, so that every item has its own answer. */
async function batchCreate(
  catalog: Catalog,
  context: RequestContext,
  input: BatchCreatePartitionRequest,
): Promise<BatchCreatePartitionResponse> {
  checkCatalog(context, input.CatalogId);
  checkBatch(input.PartitionInputList, 100, 'PartitionInputList');
  const partitions = (input.PartitionInputList ?? []).map(toPartition);
  try {
    await catalog.createPartitions(context, nameOf(input), partitions);
    return { Errors: [] };
  } catch (error) {
    if (!isLochError(error, 'already_exists', 'invalid_argument')) throw error;
  }
  const failed: PartitionError[] = [];
  for (const partition of partitions) {
    try {
      await catalog.createPartitions(context, nameOf(input), [partition]);
    } catch (error) {
      failed.push({ PartitionValues: [...partition.values], ErrorDetail: errorDetail(error) });
    }
  }
  return { Errors: failed };
}

async function batchDelete(
  catalog: Catalog,
  context: RequestContext,
  input: BatchDeletePartitionRequest,
): Promise<BatchDeletePartitionResponse> {
  checkCatalog(context, input.CatalogId);
  checkBatch(input.PartitionsToDelete, 25, 'PartitionsToDelete');
  const failed: PartitionError[] = [];
  for (const { Values = [] } of input.PartitionsToDelete ?? []) {
    try {
      await catalog.deletePartition(context, nameOf(input), Values);
    } catch (error) {
      if (!isLochError(error, 'partition_not_found', 'invalid_argument')) throw error;
      failed.push({ PartitionValues: Values, ErrorDetail: errorDetail(error) });
    }
  }
  return { Errors: failed };
}

async function batchGet(
  catalog: Catalog,
  context: RequestContext,
  input: BatchGetPartitionRequest,
): Promise<BatchGetPartitionResponse> {
  checkCatalog(context, input.CatalogId);
  checkBatch(input.PartitionsToGet, 1000, 'PartitionsToGet');
  const table = await catalog.getTable(context, nameOf(input));
  const found: PartitionRecord[] = [];
  for (const { Values = [] } of input.PartitionsToGet ?? []) {
    try {
      found.push(await catalog.getPartition(context, nameOf(input), Values));
    } catch (error) {
      if (!isLochError(error, 'partition_not_found')) throw error; // those that are not there are left out
    }
  }
  return { Partitions: found.map((one) => fromPartition(one, table, context.accountId)), UnprocessedKeys: [] };
}

/** One change of a partition; its values stay when the input has none. */
async function updateOne(
  catalog: Catalog,
  context: RequestContext,
  name: { readonly database: string; readonly table: string },
  entry: { readonly PartitionValueList: string[] | undefined; readonly PartitionInput: PartitionInput | undefined },
): Promise<void> {
  const given = toPartition(entry.PartitionInput!);
  const old = entry.PartitionValueList ?? [];
  const values = given.values.length === 0 ? old : given.values;
  await catalog.updatePartition(context, name, old, { ...given, values });
}

async function batchUpdate(
  catalog: Catalog,
  context: RequestContext,
  input: BatchUpdatePartitionRequest,
): Promise<BatchUpdatePartitionResponse> {
  checkCatalog(context, input.CatalogId);
  checkBatch(input.Entries, 100, 'Entries');
  const failed = [];
  for (const entry of input.Entries ?? []) {
    try {
      await updateOne(catalog, context, nameOf(input), entry);
    } catch (error) {
      if (!isLochError(error, 'partition_not_found', 'already_exists', 'invalid_argument')) throw error;
      failed.push({ PartitionValueList: entry.PartitionValueList ?? [], ErrorDetail: errorDetail(error) });
    }
  }
  return { Errors: failed };
}

/** Operations on partitions. */
export function partitionOperations(catalog: Catalog): Record<string, OperationSpec> {
  return {
    CreatePartition: {
      async run(context: RequestContext, input: CreatePartitionRequest) {
        checkCatalog(context, input.CatalogId);
        await catalog.createPartitions(context, nameOf(input), [toPartition(input.PartitionInput!)]);
        return {};
      },
    },
    BatchCreatePartition: {
      run: (context, input: BatchCreatePartitionRequest) => batchCreate(catalog, context, input),
    },
    GetPartition: {
      readOnly: true,
      async run(context: RequestContext, input: GetPartitionRequest): Promise<GetPartitionResponse> {
        checkCatalog(context, input.CatalogId);
        const partition = await catalog.getPartition(context, nameOf(input), input.PartitionValues ?? []);
        const table = await catalog.getTable(context, nameOf(input));
        return { Partition: fromPartition(partition, table, context.accountId) };
      },
    },
    GetPartitions: {
      readOnly: true,
      run: (context, input: GetPartitionsRequest) => getPartitions(catalog, context, input),
    },
    BatchGetPartition: {
      readOnly: true,
      run: (context, input: BatchGetPartitionRequest) => batchGet(catalog, context, input),
    },
    UpdatePartition: {
      async run(context: RequestContext, input: UpdatePartitionRequest) {
        checkCatalog(context, input.CatalogId);
        await updateOne(catalog, context, nameOf(input), input);
        return {};
      },
    },
    BatchUpdatePartition: {
      run: (context, input: BatchUpdatePartitionRequest) => batchUpdate(catalog, context, input),
    },
    CreatePartitionIndex: {
      async run(context: RequestContext, input: CreatePartitionIndexRequest) {
        checkCatalog(context, input.CatalogId);
        const { IndexName = '', Keys = [] } = input.PartitionIndex!;
        await catalog.createPartitionIndex(context, nameOf(input), { name: IndexName, keys: Keys });
        return {};
      },
    },
    GetPartitionIndexes: {
      readOnly: true,
      async run(context: RequestContext, input: GetPartitionIndexesRequest): Promise<GetPartitionIndexesResponse> {
        checkCatalog(context, input.CatalogId);
        const indexes = await catalog.partitionIndexes(context, nameOf(input));
        const table = await catalog.getTable(context, nameOf(input));
        return {
          PartitionIndexDescriptorList: indexes.map((index) => ({
            IndexName: index.name,
            Keys: index.keys.map((key) => ({
              Name: key,
              Type: table.partitionKeys.find((column) => column.name === key)?.type ?? '',
            })),
            IndexStatus: index.state,
          })),
        };
      },
    },
    DeletePartitionIndex: {
      async run(context: RequestContext, input: DeletePartitionIndexRequest) {
        checkCatalog(context, input.CatalogId);
        await catalog.deletePartitionIndex(context, nameOf(input), input.IndexName!);
        return {};
      },
    },
    DeletePartition: {
      async run(context: RequestContext, input: DeletePartitionRequest) {
        checkCatalog(context, input.CatalogId);
        await catalog.deletePartition(context, nameOf(input), input.PartitionValues ?? []);
        return {};
      },
    },
    BatchDeletePartition: {
      run: (context, input: BatchDeletePartitionRequest) => batchDelete(catalog, context, input),
    },
  };
}
