import { describe, expect, it } from 'vitest';
import type { Principal } from '../../../core/caller.ts';
import { canonicalUserId } from '../../../core/canonical-user.ts';
import { contextOf, TEST_ACCOUNT } from '../../../testing/builders/request-context.ts';
import type { ResourceSide } from '../../contract.ts';
import { type CallerSide, decideAccess } from './decide-access.ts';
import { parsePolicyDocument } from './policy-document.ts';
import { requestValues } from './request-values.ts';
import { createResourcePolicies } from './resource-policies.ts';

const OTHER = '222222222222';
const RESOURCE = 'arn:aws:s3:::b/k';
const request = { action: 's3:GetObject', resource: RESOURCE };
const policies = createResourcePolicies({
  identities: { principal: async () => undefined },
  accounts: { find: async () => undefined },
});

const ann = contextOf('ann').principal;
const root = contextOf('root').principal;
const stranger: Principal = { ...ann, arn: `arn:aws:iam::${OTHER}:user/bob`, id: 'bob', accountId: OTHER };
const nobody: Principal = {
  kind: 'anonymous',
  arn: 'anonymous',
  id: 'ANONYMOUS',
  name: 'anonymous',
  accountId: TEST_ACCOUNT,
};
const session: Principal = {
  ...ann,
  kind: 'role',
  arn: `arn:aws:sts::${TEST_ACCOUNT}:assumed-role/r/s`,
  id: 'AROA:s',
  session: { issuedAt: 0, expiresAt: 1, roleArn: `arn:aws:iam::${TEST_ACCOUNT}:role/r` },
};

const statement = (Effect: 'Allow' | 'Deny', more: object = {}) => ({
  Effect,
  Action: 's3:GetObject',
  Resource: '*',
  ...more,
});
const layer = (...Statement: object[]) => [
  { id: 'own', document: parsePolicyDocument(JSON.stringify({ Version: '2012-10-17', Statement }), 'identity') },
];
const ALLOWS = [layer(statement('Allow'))];
const SILENT = [layer(statement('Allow', { Action: 's3:PutObject' }))];
const DENIES = [layer(statement('Allow'), statement('Deny'))];

const side = (
  principal: unknown,
  effect: 'Allow' | 'Deny' = 'Allow',
  more: Partial<ResourceSide> = {},
): ResourceSide => {
  const named = typeof principal === 'object' && principal !== null && 'NotPrincipal' in principal;
  const Statement = statement(effect, named ? principal : { Principal: principal });
  const text = JSON.stringify({ Version: '2012-10-17', Statement });
  return { accountId: TEST_ACCOUNT, policy: policies.parse(text, `p${text}`), ...more };
};
const plain: ResourceSide = { accountId: TEST_ACCOUNT };

const reason = (caller: Principal, own: CallerSide, of: ResourceSide) =>
  decideAccess(caller, own, request, of, requestValues({ ...contextOf(), principal: caller }, request, {})).reason;

const ACCOUNT = { AWS: TEST_ACCOUNT };
const ROOT = { AWS: `arn:aws:iam::${TEST_ACCOUNT}:root` };

describe('within one account', () => {
  it.each([
    ['nothing said', SILENT, plain, 'implicit_deny'],
    ['his policies allow', ALLOWS, plain, 'allowed'],
    ['the resource names him', SILENT, side({ AWS: ann.arn }), 'allowed'],
    ['the resource names everybody', SILENT, side('*'), 'allowed'],
    ['the resource names his account, which leaves it to his policies', SILENT, side(ACCOUNT), 'implicit_deny'],
    ['the account named by root', ALLOWS, side(ROOT), 'allowed'],
    ['another is named', SILENT, side({ AWS: stranger.arn }), 'implicit_deny'],
    ['everybody but another', SILENT, side({ NotPrincipal: { AWS: stranger.arn } }), 'allowed'],
    ['everybody but him', SILENT, side({ NotPrincipal: { AWS: ann.arn } }), 'implicit_deny'],
    ['his policies deny what the resource gives', DENIES, side({ AWS: ann.arn }), 'explicit_deny'],
    ['the resource denies what his policies give', ALLOWS, side('*', 'Deny'), 'explicit_deny'],
    ['the resource denies his account', ALLOWS, side(ROOT, 'Deny'), 'explicit_deny'],
    ['all but him are denied', ALLOWS, side({ NotPrincipal: { AWS: ann.arn } }, 'Deny'), 'allowed'],
    ['a list leaves the account out', ALLOWS, { ...plain, ownerLeftOut: true }, 'implicit_deny'],
    [
      'a list lets it in again',
      ALLOWS,
      { ...plain, ownerLeftOut: true, listed: [{ id: 'l', toAccount: true }] },
      'allowed',
    ],
    ['a list names his account', SILENT, { ...plain, listed: [{ id: 'l', toAccount: true }] }, 'implicit_deny'],
    ['a list names everybody', SILENT, { ...plain, listed: [{ id: 'l', toAccount: false }] }, 'allowed'],
  ] as const)('%s', (_, own, of, expected) => {
    expect(reason(ann, own, of)).toBe(expected);
  });

  it('limits of a session limit what a resource gives, unless it names the session itself', () => {
    const limited = [...SILENT, layer(statement('Allow', { Action: 's3:PutObject' }))];
    const roleArn = session.session!.roleArn!;
    expect(reason(session, SILENT, side({ AWS: roleArn }))).toBe('allowed');
    expect(reason(session, limited, side({ AWS: roleArn }))).toBe('implicit_deny');
    expect(reason(session, limited, side('*'))).toBe('implicit_deny');
    expect(reason(session, limited, side({ AWS: session.arn }))).toBe('allowed');
  });

  it('root is denied by the resource like others, but where he keeps what he has', () => {
    expect(reason(root, 'everything', side('*', 'Deny'))).toBe('explicit_deny');
    expect(reason(root, 'everything', side('*', 'Deny', { rootKeeps: true }))).toBe('allowed');
    expect(reason(ann, ALLOWS, side('*', 'Deny', { rootKeeps: true }))).toBe('explicit_deny');
  });
});

describe('from another account', () => {
  it.each([
    ['nothing said', ALLOWS, plain, 'implicit_deny'],
    ['the resource alone', SILENT, side({ AWS: stranger.arn }), 'implicit_deny'],
    ['both', ALLOWS, side({ AWS: stranger.arn }), 'allowed'],
    ['both, by his account', ALLOWS, side({ AWS: OTHER }), 'allowed'],
    ['both, by its canonical id', ALLOWS, side({ CanonicalUser: canonicalUserId(OTHER) }), 'allowed'],
    ['both, by everybody', ALLOWS, side('*'), 'allowed'],
    ['everybody, from inside only', ALLOWS, side('*', 'Allow', { insidersOnly: true }), 'implicit_deny'],
    ['a policy that may only deny', ALLOWS, side('*', 'Allow', { policyDeniesOnly: true }), 'implicit_deny'],
    ['his policies deny', DENIES, side({ AWS: stranger.arn }), 'explicit_deny'],
    ['the resource denies his account', ALLOWS, side({ AWS: OTHER }, 'Deny'), 'explicit_deny'],
    ['a list names his account', ALLOWS, { ...plain, listed: [{ id: 'l', toAccount: true }] }, 'allowed'],
    [
      'a list names his account, his policies nothing',
      SILENT,
      { ...plain, listed: [{ id: 'l', toAccount: true }] },
      'implicit_deny',
    ],
  ] as const)('%s', (_, own, of, expected) => {
    expect(reason(stranger, own, of)).toBe(expected);
  });

  it('root of another account is nobody without the resource', () => {
    const theirRoot: Principal = { ...root, accountId: OTHER, arn: `arn:aws:iam::${OTHER}:root`, id: OTHER };
    expect(reason(theirRoot, 'everything', plain)).toBe('implicit_deny');
    expect(reason(theirRoot, 'everything', side({ AWS: OTHER }))).toBe('allowed');
    expect(reason(theirRoot, 'everything', side('*', 'Deny', { rootKeeps: true }))).toBe('explicit_deny');
  });
});

describe('whoever did not sign', () => {
  it.each([
    ['nothing said', plain, 'implicit_deny'],
    ['everybody', side('*'), 'allowed'],
    ['everybody of AWS', side({ AWS: '*' }), 'allowed'],
    ['the account that owns it', side(ACCOUNT), 'implicit_deny'],
    ['everybody but one', side({ NotPrincipal: { AWS: ann.arn } }), 'allowed'],
    ['everybody, from inside only', side('*', 'Allow', { insidersOnly: true }), 'implicit_deny'],
    ['everybody is denied', side('*', 'Deny'), 'explicit_deny'],
    ['a list for everybody', { ...plain, listed: [{ id: 'l', toAccount: false }] }, 'allowed'],
  ] as const)('%s', (_, of, expected) => {
    expect(reason(nobody, 'nothing', of)).toBe(expected);
  });
});

describe('a policy is public', () => {
  const open = (more: object = {}) =>
    side('*', 'Allow').policy &&
    policies.parse(
      JSON.stringify({ Version: '2012-10-17', Statement: statement('Allow', { Principal: '*', ...more }) }),
      `public ${JSON.stringify(more)}`,
    ).isPublic;
  it.each([
    ['for everybody', {}, true],
    ['by a wide range of addresses', { Condition: { IpAddress: { 'aws:SourceIp': '0.0.0.0/1' } } }, true],
    ['not by a narrow one', { Condition: { IpAddress: { 'aws:SourceIp': ['192.0.2.0/24', '2001:db8::/32'] } } }, false],
    ['by all addresses but one', { Condition: { NotIpAddress: { 'aws:SourceIp': '192.0.2.1' } } }, true],
    ['not within one account', { Condition: { StringEquals: { 'aws:PrincipalAccount': OTHER } } }, false],
    ['by a pattern of accounts', { Condition: { StringLike: { 'aws:PrincipalAccount': '2*' } } }, true],
    ['by what a client says of itself', { Condition: { StringEquals: { 'aws:UserAgent': 'me' } } }, true],
    ['not for one account', { Principal: { AWS: OTHER } }, false],
    ['not when it denies', { Effect: 'Deny' }, false],
  ] as const)('%s', (_, more, expected) => {
    expect(open(more)).toBe(expected);
  });
});
