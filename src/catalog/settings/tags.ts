import { parseArn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import { type StoreCall, storeCall } from '../../metadata/contract.ts';
import type { CatalogParts } from '../databases/parts.ts';
import type { CatalogTags } from './contract.ts';
import settingsStore from './store.ts';

/** Kinds of resources that carry tags, each with a test that one is there and the caller may know it. */
export type TaggedKinds = Readonly<Record<string, (context: RequestContext, name: string) => Promise<unknown>>>;

/** Forgets the tags of a resource, in the transaction that removes it. */
export const removeTags = (arn: string): StoreCall => storeCall(settingsStore.procedures.removeTags, { arn });

/** Tags within the limits. **Errors**: `invalid_argument` naming the key. */
function checkTags(tags: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(tags)) {
    if (key.length === 0 || key.length > 128 || /^aws:/i.test(key)) {
      throw new LochError(
        'invalid_argument',
        `Tag key \`${key.slice(0, 128)}\` must have 1 to 128 characters and not begin with aws:.`,
      );
    }
    if (typeof value !== 'string' || value.length > 256) {
      throw new LochError('invalid_argument', `The value of tag \`${key}\` must have up to 256 characters.`);
    }
  }
}

/** The use-cases of tags. */
export function tagUseCases(
  parts: Pick<CatalogParts, 'store' | 'policy' | 'accountId' | 'region'>,
  kinds: TaggedKinds,
): CatalogTags {
  const { procedures } = settingsStore;
  /** Requires the action on the resource, and that it is there. */
  const allow = async (context: RequestContext, action: string, arn: string) => {
    const { service, accountId, region, resource } = parseArn(arn);
    if (service !== 'glue' || accountId !== parts.accountId || region !== parts.region) {
      throw new LochError(
        'not_found',
        `\`${arn}\` is no resource of this catalog (${parts.accountId}, ${parts.region}).`,
      );
    }
    await parts.policy.authorize(context, { action: `glue:${action}`, resource: arn });
    const slash = resource.indexOf('/');
    const kind = slash === -1 ? resource : resource.slice(0, slash);
    const known = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
    if (known === undefined) {
      throw new LochError(
        'unsupported',
        `Resources of kind \`${kind}\` carry no tags here. Those that do: ${Object.keys(kinds).join(', ')}.`,
        { context: { arn } },
      );
    }
    await known(context, slash === -1 ? '' : resource.slice(slash + 1));
  };
  return {
    check: checkTags,
    async tag(context, arn, tags) {
      checkTags(tags);
      await allow(context, 'TagResource', arn);
      await parts.store.write(procedures.putTags, { arn, tags });
    },
    async untag(context, arn, keys) {
      await allow(context, 'UntagResource', arn);
      if (keys.length > 0) await parts.store.write(procedures.removeTags, { arn, keys });
    },
    async tags(context, arn) {
      await allow(context, 'GetTags', arn);
      return parts.store.read(procedures.tags, { arn });
    },
  };
}
