/** The door of Amazon Data Firehose (json-1.1): delivery streams to S3. */
import type {
  CreateDeliveryStreamInput,
  DeleteDeliveryStreamInput,
  DeliveryStreamDescription,
  DescribeDeliveryStreamInput,
  ListDeliveryStreamsInput,
  PutRecordBatchInput,
  PutRecordBatchOutput,
  PutRecordInput,
} from '@aws-sdk/client-firehose';
import { LochError } from '../../../core/errors.ts';
import type { Delivery, DeliveryStreamRecord } from '../../../ingestion/contract.ts';
import type { AwsServiceDoor } from '../service.ts';
import { describeDestination, settingsOf } from './destination.ts';

const MAX_LISTED = 10_000;

/** Operations of Firehose on delivery streams. Calls that carry records are data plane and no management events. */
export function firehoseService(delivery: Delivery): AwsServiceDoor {
  return {
    name: 'firehose',
    signingNames: ['firehose'],
    targetPrefix: 'Firehose_20150804',
    schemas: () => import('@aws-sdk/client-firehose'),
    errors: {
      not_found: 'ResourceNotFoundException',
      already_exists: 'ResourceInUseException',
      conflict: 'ResourceInUseException',
      invalid_argument: 'InvalidArgumentException',
      missing_argument: 'InvalidArgumentException',
      bucket_not_found: 'InvalidArgumentException',
      invalid_bucket_name: 'InvalidArgumentException',
      limit_exceeded: 'LimitExceededException',
      resource_exhausted: 'ServiceUnavailableException',
      disk_full: 'ServiceUnavailableException',
      unavailable: 'ServiceUnavailableException',
    },
    operations: {
      CreateDeliveryStream: {
        partial: 'DirectPut to S3; without KMS, tags, Lambda, format conversion and dynamic partitioning',
        run: async (context, input: CreateDeliveryStreamInput) => {
          const stream = await delivery.create(context, settingsOf(input));
          return { DeliveryStreamARN: stream.arn };
        },
      },
      DescribeDeliveryStream: {
        readOnly: true,
        run: async (context, input: DescribeDeliveryStreamInput) => ({
          DeliveryStreamDescription: describeStream(await delivery.describe(context, input.DeliveryStreamName!)),
        }),
      },
      ListDeliveryStreams: {
        readOnly: true,
        run: async (context, input: ListDeliveryStreamsInput) => {
          const limit = input.Limit ?? 10;
          if (limit < 1 || limit > MAX_LISTED) {
            throw new LochError('invalid_argument', `\`Limit\` must be from 1 to ${MAX_LISTED}, and is ${limit}.`);
          }
          const after = input.ExclusiveStartDeliveryStreamName;
          const page = { limit: limit + 1, ...(after === undefined ? {} : { after }) };
          const names = await delivery.list(context, page);
          const none = input.DeliveryStreamType !== undefined && input.DeliveryStreamType !== 'DirectPut';
          return {
            DeliveryStreamNames: none ? [] : names.slice(0, limit),
            HasMoreDeliveryStreams: !none && names.length > limit,
          };
        },
      },
      DeleteDeliveryStream: {
        run: async (context, input: DeleteDeliveryStreamInput) => {
          await delivery.delete(context, input.DeliveryStreamName!, { force: input.AllowForceDelete ?? false });
          return {};
        },
      },
      PutRecord: {
        management: false,
        run: async (context, input: PutRecordInput) => {
          const records = [dataOf(input.Record?.Data)];
          const [id] = await delivery.put(context, input.DeliveryStreamName!, records, 'PutRecord');
          return { RecordId: id, Encrypted: false };
        },
      },
      PutRecordBatch: {
        management: false,
        run: async (context, input: PutRecordBatchInput): Promise<PutRecordBatchOutput> => {
          const records = (input.Records ?? []).map(({ Data }) => dataOf(Data));
          const ids = await delivery.put(context, input.DeliveryStreamName!, records, 'PutRecordBatch');
          // A batch is one frame of the log: durable as a whole, or refused as a whole with a retryable error.
          return { FailedPutCount: 0, Encrypted: false, RequestResponses: ids.map((RecordId) => ({ RecordId })) };
        },
      },
    },
  };
}

function dataOf(data: Uint8Array | undefined): Uint8Array {
  if (data === undefined) throw new LochError('missing_argument', '`Data` of a record is required and missing.');
  return data;
}

function describeStream(stream: DeliveryStreamRecord): DeliveryStreamDescription {
  return {
    DeliveryStreamName: stream.name,
    DeliveryStreamARN: stream.arn,
    DeliveryStreamStatus: stream.status,
    DeliveryStreamType: 'DirectPut',
    DeliveryStreamEncryptionConfiguration: { Status: 'DISABLED' },
    VersionId: String(stream.versionId),
    CreateTimestamp: new Date(stream.createdAt),
    Destinations: [{ DestinationId: 'destinationId-000000000001', ...describeDestination(stream) }],
    HasMoreDestinations: false,
    ...(stream.failure === undefined ? {} : { FailureDescription: { Type: 'UNKNOWN_ERROR', Details: stream.failure } }),
  };
}
