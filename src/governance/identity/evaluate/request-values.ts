import type { RequestContext } from '../../../core/caller.ts';
import type { ActionRequest } from '../../contract.ts';

/** The condition keys of a request, lower-case, each with its values. */
export type RequestValues = ReadonlyMap<string, readonly string[]>;

export interface PrincipalTags {
  readonly tags?: Readonly<Record<string, string>>;
}

const PRINCIPAL_TYPES = {
  root: 'Account',
  user: 'User',
  role: 'AssumedRole',
  service: 'Service',
  anonymous: 'Anonymous',
};

/**
 * The values conditions and variables see. What is true of caller and connection always wins over what a use-case
 * passes, so no request can claim another `aws:SourceIp` or `aws:username`.
 * **Source**: AWS IAM User Guide, "AWS global condition context keys".
 */
export function requestValues(
  context: RequestContext,
  request: ActionRequest,
  principal: PrincipalTags,
): RequestValues {
  const values = new Map<string, readonly string[]>();
  for (const [key, value] of Object.entries({ ...context.requestKeys, ...request.conditions })) {
    values.set(
      key.toLowerCase(),
      typeof value === 'string' ? [value] : typeof value === 'boolean' ? [String(value)] : value,
    );
  }
  const { principal: caller } = context;
  const { session } = caller;
  const fixed: Record<string, string | undefined> = {
    'aws:principalarn': caller.kind === 'anonymous' ? undefined : (session?.roleArn ?? caller.arn),
    'aws:tokenissuetime': session && new Date(session.issuedAt).toISOString(),
    'aws:multifactorauthpresent': session && 'false',
    'aws:sourceidentity': session?.sourceIdentity,
    'aws:principalaccount': caller.kind === 'anonymous' ? undefined : caller.accountId,
    'aws:principaltype': PRINCIPAL_TYPES[caller.kind],
    'aws:userid': caller.kind === 'anonymous' ? 'anonymous' : caller.id,
    'aws:username': caller.kind === 'user' ? caller.name : undefined,
    'aws:principalisawsservice': String(caller.kind === 'service'),
    'aws:sourceip': context.sourceIp,
    'aws:securetransport': String(context.secure),
    'aws:useragent': context.userAgent,
    'aws:currenttime': new Date(context.startedAt).toISOString(),
    'aws:epochtime': String(Math.floor(context.startedAt / 1000)),
    'aws:requestedregion': context.region,
    'aws:resourceaccount': request.side?.accountId ?? context.accountId,
  };
  for (const [key, value] of Object.entries(fixed)) {
    if (value === undefined || value === '') values.delete(key);
    else values.set(key, [value]);
  }
  for (const [key, value] of Object.entries(request.side?.tags ?? {})) {
    values.set(`aws:resourcetag/${key.toLowerCase()}`, [value]);
  }
  for (const key of values.keys()) if (key.startsWith('aws:principaltag/')) values.delete(key);
  for (const [key, value] of Object.entries({ ...principal.tags, ...session?.tags })) {
    values.set(`aws:principaltag/${key.toLowerCase()}`, [value]);
  }
  return values;
}

/** Single values, for variables. */
export function variableValues(values: RequestValues): (key: string) => string | undefined {
  return (key) => {
    const found = values.get(key);
    return found?.length === 1 ? found[0] : undefined;
  };
}
