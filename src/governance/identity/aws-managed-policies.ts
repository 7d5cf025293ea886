/**
 * The policies AWS keeps for everyone, as far as they speak of services Loch has. Statements about other services are
 * left out: they could never match.
 */
import { LochError } from '../../core/errors.ts';
import type { ManagedPolicy } from './contract.ts';

export interface AwsManagedPolicy extends Omit<ManagedPolicy, 'attachments' | 'boundaryUses'> {
  readonly document: string;
}

const PREFIX = 'arn:aws:iam::aws:policy';
const MADE_AT = Date.UTC(2015, 1, 6, 18, 39, 46);

interface StatementText {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Action?: readonly string[] | string;
  readonly NotAction?: readonly string[];
  readonly Resource: readonly string[] | string;
  readonly Condition?: object;
}

const allow = (Action: readonly string[], Resource: readonly string[] | string = '*'): StatementText => ({
  Effect: 'Allow',
  Action,
  Resource,
});

const CATALOG_READ = [
  'glue:GetDatabase',
  'glue:GetDatabases',
  'glue:GetTable',
  'glue:GetTables',
  'glue:GetTableVersion',
  'glue:GetTableVersions',
  'glue:GetPartition',
  'glue:GetPartitions',
  'glue:BatchGetPartition',
  'glue:SearchTables',
];
const CATALOG_WRITE = [
  'glue:CreateDatabase',
  'glue:DeleteDatabase',
  'glue:UpdateDatabase',
  'glue:CreateTable',
  'glue:DeleteTable',
  'glue:BatchDeleteTable',
  'glue:UpdateTable',
  'glue:BatchCreatePartition',
  'glue:CreatePartition',
  'glue:DeletePartition',
  'glue:BatchDeletePartition',
  'glue:UpdatePartition',
];

const POLICIES: readonly [path: string, name: string, description: string, statements: readonly StatementText[]][] = [
  ['/', 'AdministratorAccess', 'Full access to everything.', [allow(['*'])]],
  [
    '/',
    'PowerUserAccess',
    'Full access to everything but identities.',
    [
      { Effect: 'Allow', NotAction: ['iam:*', 'organizations:*', 'account:*'], Resource: '*' },
      allow(['iam:GetRole', 'iam:ListRoles', 'iam:GetUser']),
    ],
  ],
  [
    '/',
    'ReadOnlyAccess',
    'Reads everything, changes nothing.',
    [
      allow([
        's3:Get*',
        's3:List*',
        'glue:Get*',
        'glue:BatchGet*',
        'glue:List*',
        'glue:Search*',
        'athena:Get*',
        'athena:BatchGet*',
        'athena:List*',
        'firehose:Describe*',
        'firehose:List*',
        'lakeformation:Get*',
        'lakeformation:List*',
        'lakeformation:Describe*',
        'cloudtrail:LookupEvents',
        'iam:Get*',
        'iam:List*',
      ]),
    ],
  ],
  ['/', 'AmazonS3FullAccess', 'Full access to all buckets.', [allow(['s3:*'])]],
  ['/', 'AmazonS3ReadOnlyAccess', 'Reads all buckets.', [allow(['s3:Get*', 's3:List*', 's3:Describe*'])]],
  [
    '/',
    'AmazonAthenaFullAccess',
    'Full access to Athena, to the catalog, and to result buckets by their usual name.',
    [
      allow(['athena:*']),
      allow([...CATALOG_READ, ...CATALOG_WRITE]),
      allow(
        [
          's3:GetBucketLocation',
          's3:GetObject',
          's3:ListBucket',
          's3:ListBucketMultipartUploads',
          's3:ListMultipartUploadParts',
          's3:AbortMultipartUpload',
          's3:CreateBucket',
          's3:PutObject',
        ],
        'arn:aws:s3:::aws-athena-query-results-*',
      ),
      allow(['s3:GetBucketLocation', 's3:ListAllMyBuckets']),
      allow(['lakeformation:GetDataAccess']),
    ],
  ],
  [
    '/',
    'AWSGlueConsoleFullAccess',
    'Full access to the catalog, crawlers and jobs.',
    [allow(['glue:*', 's3:ListAllMyBuckets', 's3:ListBucket'])],
  ],
  [
    '/service-role/',
    'AWSGlueServiceRole',
    'What crawlers and jobs need.',
    [
      allow(['glue:*', 's3:GetBucketLocation', 's3:ListBucket', 's3:ListAllMyBuckets']),
      allow(
        ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
        ['arn:aws:s3:::aws-glue-*/*', 'arn:aws:s3:::*/*aws-glue-*/*'],
      ),
    ],
  ],
  [
    '/',
    'AWSLakeFormationDataAdmin',
    'Administers the data lake’s permissions.',
    [
      allow([
        'lakeformation:*',
        'cloudtrail:LookupEvents',
        'glue:Get*',
        ...CATALOG_WRITE,
        's3:ListBucket',
        's3:GetBucketLocation',
        's3:ListAllMyBuckets',
        'iam:ListUsers',
        'iam:ListRoles',
        'iam:GetRole',
      ]),
      { Effect: 'Deny', Action: ['lakeformation:PutDataLakeSettings'], Resource: '*' },
    ],
  ],
  ['/', 'AmazonKinesisFirehoseFullAccess', 'Full access to delivery streams.', [allow(['firehose:*'])]],
  [
    '/',
    'AWSCloudTrail_ReadOnlyAccess',
    'Reads the audit trail.',
    [allow(['cloudtrail:Get*', 'cloudtrail:Describe*', 'cloudtrail:List*', 'cloudtrail:LookupEvents'])],
  ],
  ['/', 'IAMFullAccess', 'Full access to identities.', [allow(['iam:*'])]],
  ['/', 'IAMReadOnlyAccess', 'Reads identities.', [allow(['iam:Get*', 'iam:List*', 'iam:Simulate*'])]],
];

/** Every policy AWS made, in the order of names. */
export const AWS_MANAGED_POLICIES: readonly AwsManagedPolicy[] = POLICIES.map(
  ([path, name, description, statements]) => ({
    name,
    id: `ANPA${name
      .toUpperCase()
      .replace(/[^A-Z0-9]/g, '')
      .padEnd(16, 'A')
      .slice(0, 16)}`,
    arn: `${PREFIX}${path}${name}`,
    path,
    description,
    defaultVersionId: 'v1',
    createdAt: MADE_AT,
    updatedAt: MADE_AT,
    tags: {},
    document: JSON.stringify({ Version: '2012-10-17', Statement: statements }, null, 2),
  }),
).sort((a, b) => (a.name < b.name ? -1 : 1));

const byArn = new Map(AWS_MANAGED_POLICIES.map((policy) => [policy.arn, policy]));

/** Whether `arn` names a policy of AWS, known or not. */
export const isAwsManaged = (arn: string): boolean => arn.startsWith('arn:aws:iam::aws:');

/** **Errors**: `not_found` naming the known ones. */
export function awsManagedPolicy(arn: string): AwsManagedPolicy {
  const policy = byArn.get(arn);
  if (policy !== undefined) return policy;
  throw new LochError(
    'not_found',
    `The policy \`${arn}\` does not exist. Policies of AWS that are known: ${AWS_MANAGED_POLICIES.map((known) => known.name).join(', ')}.`,
    { context: { arn } },
  );
}
