/** Access points. **Source**: Amazon S3 Control API Reference, "CreateAccessPoint". */
import type { CreateAccessPointRequest, ListAccessPointsRequest } from '@aws-sdk/client-s3-control';
import { LochError } from '../../../core/errors.ts';
import type { AccessPoint, AccessPoints } from '../../../storage/contract.ts';
import type { AwsServiceDoor } from '../service.ts';
import { assertAccount, type OfAccount } from './account.ts';

const MAX_PAGE = 1000;

interface Named extends OfAccount {
  readonly Name?: string | undefined;
}

const shapeOf = (point: AccessPoint) => ({
  Name: point.name,
  NetworkOrigin: 'Internet',
  Bucket: point.bucket,
  AccessPointArn: point.arn,
  Alias: point.alias,
  BucketAccountId: point.accountId,
});

const blockOf = ({ blockPublicPolicy }: AccessPoint) => ({
  BlockPublicAcls: true,
  IgnorePublicAcls: true,
  BlockPublicPolicy: blockPublicPolicy,
  RestrictPublicBuckets: blockPublicPolicy,
});

/** The operations of access points. */
export function accessPointOperations(points: AccessPoints): AwsServiceDoor['operations'] {
  const readOnly = true;
  return {
    CreateAccessPoint: {
      async run(context, input: CreateAccessPointRequest) {
        assertAccount(context, input);
        for (const member of ['VpcConfiguration', 'Scope'] as const) {
          if (input[member] === undefined) continue;
          throw new LochError('unsupported', `\`${member}\` is not supported by Loch. Leave it out.`, {
            context: { member },
          });
        }
        const point = await points.create(context, {
          name: input.Name!,
          bucket: input.Bucket!,
          blockPublicPolicy: input.PublicAccessBlockConfiguration?.BlockPublicPolicy ?? true,
        });
        return { AccessPointArn: point.arn, Alias: point.alias };
      },
      partial: 'VpcConfiguration and Scope are refused by name; buckets of the own account only',
    },
    GetAccessPoint: {
      readOnly,
      async run(context, input: Named) {
        assertAccount(context, input);
        const point = await points.get(context, input.Name!);
        return {
          ...shapeOf(point),
          CreationDate: new Date(point.createdAt),
          PublicAccessBlockConfiguration: blockOf(point),
        };
      },
    },
    ListAccessPoints: {
      readOnly,
      async run(context, input: ListAccessPointsRequest) {
        assertAccount(context, input);
        const limit = Math.min(input.MaxResults ?? MAX_PAGE, MAX_PAGE);
        const found = await points.list(context, {
          ...(input.Bucket === undefined ? {} : { bucket: input.Bucket }),
          ...(input.NextToken === undefined ? {} : { after: input.NextToken }),
          limit: limit + 1,
        });
        const page = found.slice(0, limit);
        return {
          AccessPointList: page.map(shapeOf),
          ...(found.length > limit ? { NextToken: page.at(-1)!.name } : {}),
        };
      },
    },
    DeleteAccessPoint: {
      async run(context, input: Named) {
        assertAccount(context, input);
        await points.delete(context, input.Name!);
        return {};
      },
    },
    PutAccessPointPolicy: {
      async run(context, input: Named & { readonly Policy?: string }) {
        assertAccount(context, input);
        await points.putPolicy(context, input.Name!, input.Policy!);
        return {};
      },
    },
    GetAccessPointPolicy: {
      readOnly,
      async run(context, input: Named) {
        assertAccount(context, input);
        return { Policy: await points.policy(context, input.Name!) };
      },
    },
    DeleteAccessPointPolicy: {
      async run(context, input: Named) {
        assertAccount(context, input);
        await points.deletePolicy(context, input.Name!);
        return {};
      },
    },
    GetAccessPointPolicyStatus: {
      readOnly,
      async run(context, input: Named) {
        assertAccount(context, input);
        return { PolicyStatus: { IsPublic: await points.isPublic(context, input.Name!) } };
      },
    },
  };
}
