import type {
  CreateDeliveryStreamInput,
  ExtendedS3DestinationConfiguration,
  ExtendedS3DestinationDescription,
  ProcessingConfiguration,
  S3DestinationConfiguration,
  S3DestinationDescription,
} from '@aws-sdk/client-firehose';
import { parseArn, s3Arn } from '../../../core/arn.ts';
import { LochError } from '../../../core/errors.ts';
import type { DeliveryStreamRecord, DeliveryStreamSettings } from '../../../ingestion/contract.ts';

const DEFAULT_MIB = 5;
const DEFAULT_SECONDS = 300;

/** The stream that a request asks for. **Errors**: `unsupported` naming a member, `invalid_argument`, `missing_argument`. */
export function settingsOf(input: CreateDeliveryStreamInput): DeliveryStreamSettings {
  refuse('CreateDeliveryStream', input, [
    'DirectPutSourceConfiguration',
    'KinesisStreamSourceConfiguration',
    'DeliveryStreamEncryptionConfigurationInput',
    'RedshiftDestinationConfiguration',
    'ElasticsearchDestinationConfiguration',
    'AmazonopensearchserviceDestinationConfiguration',
    'SplunkDestinationConfiguration',
    'HttpEndpointDestinationConfiguration',
    'AmazonOpenSearchServerlessDestinationConfiguration',
    'MSKSourceConfiguration',
    'SnowflakeDestinationConfiguration',
    'IcebergDestinationConfiguration',
    'DatabaseSourceConfiguration',
  ]);
  if ((input.Tags ?? []).length > 0) throw unsupported('Tags');
  if (input.DeliveryStreamType !== undefined && input.DeliveryStreamType !== 'DirectPut') {
    throw unsupported(`DeliveryStreamType ${input.DeliveryStreamType}`);
  }
  const { S3DestinationConfiguration: plain, ExtendedS3DestinationConfiguration: extended } = input;
  if (plain !== undefined && extended !== undefined) {
    throw new LochError('invalid_argument', 'Give one destination: S3 or extended S3, not both.');
  }
  const destination = extended ?? plain;
  if (destination === undefined) {
    throw new LochError('invalid_argument', 'A destination is missing. Give `ExtendedS3DestinationConfiguration`.');
  }
  return { name: input.DeliveryStreamName!, ...settingsOfS3(destination) };
}

function settingsOfS3(
  destination: S3DestinationConfiguration | ExtendedS3DestinationConfiguration,
): Omit<DeliveryStreamSettings, 'name'> {
  const extended = destination as ExtendedS3DestinationConfiguration;
  if (destination.EncryptionConfiguration?.KMSEncryptionConfig !== undefined) {
    throw unsupported('EncryptionConfiguration.KMSEncryptionConfig');
  }
  if (destination.CloudWatchLoggingOptions?.Enabled) throw unsupported('CloudWatchLoggingOptions');
  if (extended.S3BackupMode === 'Enabled') throw unsupported('S3BackupMode Enabled');
  refuse('The destination', extended, ['S3BackupConfiguration']);
  if (extended.DataFormatConversionConfiguration && extended.DataFormatConversionConfiguration.Enabled !== false) {
    throw unsupported('DataFormatConversionConfiguration');
  }
  if (extended.DynamicPartitioningConfiguration?.Enabled) throw unsupported('DynamicPartitioningConfiguration');
  return {
    bucket: bucketOf(destination.BucketARN!),
    prefix: destination.Prefix ?? '',
    errorPrefix: destination.ErrorOutputPrefix ?? '',
    bufferMiB: destination.BufferingHints?.SizeInMBs ?? DEFAULT_MIB,
    bufferSeconds: destination.BufferingHints?.IntervalInSeconds ?? DEFAULT_SECONDS,
    compression: compressionOf(destination.CompressionFormat ?? 'UNCOMPRESSED'),
    roleArn: destination.RoleARN!,
    appendNewline: appendsNewline(extended.ProcessingConfiguration),
    ...(extended.FileExtension ? { fileExtension: extended.FileExtension } : {}),
    ...(extended.CustomTimeZone ? { timeZone: extended.CustomTimeZone } : {}),
  };
}

function bucketOf(bucketArn: string): string {
  const { service, resource } = parseArn(bucketArn);
  if (service !== 's3' || resource.includes('/')) {
    throw new LochError('invalid_argument', `\`${bucketArn}\` is not the ARN of a bucket: arn:aws:s3:::bucket.`, {
      context: { arn: bucketArn },
    });
  }
  return resource;
}

function compressionOf(format: string): DeliveryStreamSettings['compression'] {
  if (format === 'UNCOMPRESSED' || format === 'GZIP') return format;
  if (['ZIP', 'Snappy', 'HADOOP_SNAPPY'].includes(format)) throw unsupported(`CompressionFormat ${format}`);
  throw new LochError('invalid_argument', `\`CompressionFormat\` ${format} is not known. Known: UNCOMPRESSED, GZIP.`);
}

function appendsNewline(processing: ProcessingConfiguration | undefined): boolean {
  if (!processing?.Enabled) return false;
  let appends = false;
  for (const { Type, Parameters = [] } of processing.Processors ?? []) {
    if (Type !== 'AppendDelimiterToRecord') throw unsupported(`the processor ${Type}`);
    for (const { ParameterName, ParameterValue } of Parameters) {
      if (ParameterName !== 'Delimiter') throw unsupported(`the processor parameter ${ParameterName}`);
      if (ParameterValue !== '\\n' && ParameterValue !== '\n') throw unsupported('a Delimiter other than \\n');
    }
    appends = true;
  }
  return appends;
}

function refuse<T extends object>(where: string, input: T, members: readonly (keyof T & string)[]): void {
  for (const member of members) {
    if (input[member] !== undefined) throw unsupported(`${where} with ${member}`);
  }
}

function unsupported(what: string): LochError {
  return new LochError('unsupported', `Not supported: ${what}. Leave it out.`, { context: { what } });
}

/** The destination as Describe shows it, in its plain and its extended form. */
export function describeDestination(stream: DeliveryStreamRecord): {
  readonly S3DestinationDescription: S3DestinationDescription;
  readonly ExtendedS3DestinationDescription: ExtendedS3DestinationDescription;
} {
  const plain: S3DestinationDescription = {
    RoleARN: stream.roleArn,
    BucketARN: s3Arn(stream.bucket),
    Prefix: stream.prefix,
    ErrorOutputPrefix: stream.errorPrefix,
    BufferingHints: { SizeInMBs: stream.bufferMiB, IntervalInSeconds: stream.bufferSeconds },
    CompressionFormat: stream.compression as S3DestinationDescription['CompressionFormat'],
    EncryptionConfiguration: { NoEncryptionConfig: 'NoEncryption' },
    CloudWatchLoggingOptions: { Enabled: false },
  };
  return {
    S3DestinationDescription: plain,
    ExtendedS3DestinationDescription: {
      ...plain,
      S3BackupMode: 'Disabled',
      ProcessingConfiguration: stream.appendNewline
        ? {
            Enabled: true,
            Processors: [
              {
                Type: 'AppendDelimiterToRecord',
                Parameters: [{ ParameterName: 'Delimiter', ParameterValue: '\\n' }],
              },
            ],
          }
        : { Enabled: false, Processors: [] },
      ...(stream.fileExtension === undefined ? {} : { FileExtension: stream.fileExtension }),
      ...(stream.timeZone === undefined ? {} : { CustomTimeZone: stream.timeZone }),
    },
  };
}
