import type { GetTagsRequest, GetTagsResponse, TagResourceRequest, UntagResourceRequest } from '@aws-sdk/client-glue';
import type { CatalogTags } from '../../../catalog/contract.ts';
import { glueArn } from '../../../core/arn.ts';
import type { RequestContext } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import type { OperationSpec } from '../service.ts';

/**
 * Makes a resource with the tags that came with it: they are checked before, and set after.
 * **Errors**: `invalid_argument` naming the tag; `unsupported` without tags to keep.
 */
export async function withTags<T>(
  tags: CatalogTags | undefined,
  context: RequestContext,
  given: Readonly<Record<string, string>> | undefined,
  make: () => Promise<T>,
  resourceOf: (made: T) => string,
): Promise<T> {
  if (Object.keys(given ?? {}).length === 0) return make();
  if (tags === undefined) throw new LochError('unsupported', '`Tags` are not supported here. Leave them out.');
  tags.check(given!);
  const made = await make();
  await tags.tag(context, glueArn(context.region, context.accountId, resourceOf(made)), given!);
  return made;
}

/** Operations on the tags of resources. */
export function tagOperations(tags: CatalogTags): Record<string, OperationSpec> {
  return {
    TagResource: {
      partial: 'databases, connections, crawlers, registries and schemas',
      async run(context: RequestContext, input: TagResourceRequest) {
        await tags.tag(context, input.ResourceArn!, input.TagsToAdd ?? {});
        return {};
      },
    },
    UntagResource: {
      async run(context: RequestContext, input: UntagResourceRequest) {
        await tags.untag(context, input.ResourceArn!, input.TagsToRemove ?? []);
        return {};
      },
    },
    GetTags: {
      readOnly: true,
      async run(context: RequestContext, input: GetTagsRequest): Promise<GetTagsResponse> {
        return { Tags: await tags.tags(context, input.ResourceArn!) };
      },
    },
  };
}
