/** Identities in the shapes of the IAM API. */
import type { Group, Policy, PolicyVersion, Role, Tag, User } from '@aws-sdk/client-iam';
import type {
  Entity,
  IdentityPage,
  ManagedPolicy,
  PageRequest,
  Tags,
  PolicyVersion as Version,
} from '../../../governance/contract.ts';

/** `ListX` input: marker and size of a page. */
export interface PageInput {
  readonly Marker?: string;
  readonly MaxItems?: number;
  readonly PathPrefix?: string;
}

export const pageRequest = (input: PageInput): PageRequest & { readonly pathPrefix: string | undefined } => ({
  marker: input.Marker,
  maxItems: input.MaxItems,
  pathPrefix: input.PathPrefix,
});

/** The paging members of an answer. */
export const pageAnswer = (page: IdentityPage<unknown>) => ({
  IsTruncated: page.marker !== undefined,
  ...(page.marker === undefined ? {} : { Marker: page.marker }),
});

export const tagsOf = (tags: readonly Tag[] | undefined): Tags | undefined =>
  tags && Object.fromEntries(tags.map((tag) => [tag.Key ?? '', tag.Value ?? '']));

export const tagList = (tags: Tags): Tag[] => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

/** Documents travel percent-encoded in IAM's answers. **Source**: IAM API Reference, "GetPolicyVersion". */
export const encodedDocument = (document: string): string =>
  encodeURIComponent(document).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

const boundaryOf = (entity: Entity) =>
  entity.boundary === undefined
    ? {}
    : {
        PermissionsBoundary: {
          PermissionsBoundaryType: 'PermissionsBoundaryPolicy' as const,
          PermissionsBoundaryArn: entity.boundary,
        },
      };

const tagsIfAny = (tags: Tags) => (Object.keys(tags).length === 0 ? {} : { Tags: tagList(tags) });

export const userShape = (entity: Entity): User => ({
  Path: entity.path,
  UserName: entity.name,
  UserId: entity.id,
  Arn: entity.arn,
  CreateDate: new Date(entity.createdAt),
  ...boundaryOf(entity),
  ...tagsIfAny(entity.tags),
});

export const groupShape = (entity: Entity): Group => ({
  Path: entity.path,
  GroupName: entity.name,
  GroupId: entity.id,
  Arn: entity.arn,
  CreateDate: new Date(entity.createdAt),
});

export const roleShape = (entity: Entity): Role => ({
  Path: entity.path,
  RoleName: entity.name,
  RoleId: entity.id,
  Arn: entity.arn,
  CreateDate: new Date(entity.createdAt),
  AssumeRolePolicyDocument: encodedDocument(entity.trustPolicy ?? ''),
  ...(entity.description === '' ? {} : { Description: entity.description }),
  MaxSessionDuration: entity.maxSessionSeconds ?? 3_600,
  ...boundaryOf(entity),
  ...tagsIfAny(entity.tags),
});

export const policyShape = (policy: ManagedPolicy): Policy => ({
  PolicyName: policy.name,
  PolicyId: policy.id,
  Arn: policy.arn,
  Path: policy.path,
  DefaultVersionId: policy.defaultVersionId,
  AttachmentCount: policy.attachments,
  PermissionsBoundaryUsageCount: policy.boundaryUses,
  IsAttachable: true,
  ...(policy.description === '' ? {} : { Description: policy.description }),
  CreateDate: new Date(policy.createdAt),
  UpdateDate: new Date(policy.updatedAt),
  ...tagsIfAny(policy.tags),
});

export const versionShape = (version: Version, withDocument: boolean): PolicyVersion => ({
  ...(withDocument ? { Document: encodedDocument(version.document) } : {}),
  VersionId: version.versionId,
  IsDefaultVersion: version.isDefault,
  CreateDate: new Date(version.createdAt),
});
