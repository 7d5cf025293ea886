import type { PrincipalKind, RequestContext } from '../../core/caller.ts';

/** The account of tests. */
export const TEST_ACCOUNT = '000000000000';

/** A request by `name` (`root` is root), as an internal door would make it. */
export function contextOf(name = 'root', changes: Partial<RequestContext> = {}): RequestContext {
  const kind: PrincipalKind = name === 'root' ? 'root' : 'user';
  return {
    requestId: `request-of-${name}`,
    principal: {
      kind,
      arn: `arn:aws:iam::${TEST_ACCOUNT}:${kind === 'root' ? 'root' : `user/${name}`}`,
      id: name,
      name,
      accountId: TEST_ACCOUNT,
    },
    accountId: TEST_ACCOUNT,
    region: 'us-east-1',
    door: 'internal',
    sourceIp: '127.0.0.1',
    userAgent: 'test',
    secure: false,
    signal: new AbortController().signal,
    startedAt: 0,
    ...changes,
  };
}
