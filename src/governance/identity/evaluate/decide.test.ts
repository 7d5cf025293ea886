// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables are written so.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RequestContext } from '../../../core/caller.ts';
import type { ActionRequest } from '../../contract.ts';
import { decideLayers, type NamedPolicy } from './decide.ts';
import { parsePolicyDocument } from './policy-document.ts';
import { requestValues } from './request-values.ts';

const context: RequestContext = {
  requestId: 'r',
  principal: { kind: 'user', arn: 'arn:aws:iam::1:user/ada', id: 'AIDA1', name: 'ada', accountId: '1' },
  accountId: '1',
  region: 'us-east-1',
  door: 'aws',
  sourceIp: '10.1.2.3',
  userAgent: 'test',
  secure: false,
  signal: new AbortController().signal,
  startedAt: Date.UTC(2026, 10, 21, 12),
};

type StatementText = Record<string, unknown>;
const named = (id: string, ...statements: StatementText[]): NamedPolicy => ({
  id,
  document: parsePolicyDocument(JSON.stringify({ Version: '2012-10-17', Statement: statements }), 'identity'),
});
const get = (conditions?: ActionRequest['conditions']): ActionRequest => ({
  action: 's3:GetObject',
  resource: 'arn:aws:s3:::raw/a.csv',
  ...(conditions === undefined ? {} : { conditions }),
});
const decide = (policies: NamedPolicy[][], request = get(), who = context, tags = {}) =>
  decideLayers(policies, request, requestValues(who, request, { tags }));
const allow = { Effect: 'Allow', Action: 's3:*', Resource: '*' };

/** Whether a statement with this condition allows a request with these values. */
const holds = (condition: object, conditions?: ActionRequest['conditions'], who = context, tags = {}) =>
  decide([[named('p', { ...allow, Condition: condition })]], get(conditions), who, tags).allowed;

it('denies what nothing allows, and names what allows and what denies', () => {
  expect(decide([[]])).toEqual({ allowed: false, reason: 'implicit_deny', decidedBy: [] });
  expect(decide([])).toEqual({ allowed: false, reason: 'implicit_deny', decidedBy: [] });
  expect(decide([[named('a', allow)]])).toEqual({ allowed: true, reason: 'allowed', decidedBy: ['a#0'] });
  const deny = { ...allow, Effect: 'Deny', Sid: 'no' };
  expect(decide([[named('a', allow), named('b', deny)]])).toEqual({
    allowed: false,
    reason: 'explicit_deny',
    decidedBy: ['b#no'],
  });
});

it('lets an explicit deny win whatever the other policies say, in any order', () => {
  const effects = fc.array(fc.constantFrom('Allow', 'Deny', 'Other'), { maxLength: 8 });
  fc.assert(
    fc.property(effects, (order) => {
      const policies = order.map((effect, i) =>
        named(String(i), effect === 'Other' ? { ...allow, Action: 'glue:*' } : { ...allow, Effect: effect }),
      );
      const { allowed, reason } = decide([policies]);
      expect(allowed).toBe(order.includes('Allow') && !order.includes('Deny'));
      expect(reason === 'explicit_deny').toBe(order.includes('Deny'));
    }),
  );
});

it('needs an allow of every layer, and a deny of one is enough', () => {
  const deny = { ...allow, Effect: 'Deny' };
  expect(decide([[named('own', allow)], [named('boundary', allow)]]).allowed).toBe(true);
  expect(decide([[named('own', allow)], []]).reason).toBe('implicit_deny');
  expect(decide([[named('own', allow)], [named('boundary', deny)]]).reason).toBe('explicit_deny');
});

it('compares actions without regard to case, and resources with', () => {
  expect(decide([[named('p', { ...allow, Action: 'S3:getobject' })]]).allowed).toBe(true);
  expect(decide([[named('p', { ...allow, Resource: 'arn:aws:s3:::RAW/*' })]]).allowed).toBe(false);
});

it('takes NotAction and NotResource as everything else', () => {
  expect(decide([[named('p', { Effect: 'Allow', NotAction: 'iam:*', Resource: '*' })]]).allowed).toBe(true);
  expect(decide([[named('p', { Effect: 'Allow', NotAction: 's3:Get*', Resource: '*' })]]).allowed).toBe(false);
  const except = (NotResource: string) => [[named('p', { Effect: 'Allow', Action: 's3:*', NotResource })]];
  expect(decide(except('arn:aws:s3:::raw/*')).allowed).toBe(false);
  expect(decide(except('arn:aws:s3:::curated/*')).allowed).toBe(true);
});

describe('conditions', () => {
  it('requires all operators and keys, and any of the values', () => {
    const both = { StringEquals: { 's3:prefix': ['a', 'b'], 's3:delimiter': '/' } };
    expect(holds(both, { 's3:prefix': 'b', 's3:delimiter': '/' })).toBe(true);
    expect(holds(both, { 's3:prefix': 'b' })).toBe(false);
    expect(holds(both, { 's3:prefix': 'c', 's3:delimiter': '/' })).toBe(false);
  });

  it('fails a positive operator and satisfies a negated one when the key is absent', () => {
    const absent: [object, boolean][] = [
      [{ StringEquals: { k: 'a' } }, false],
      [{ StringNotEquals: { k: 'a' } }, true],
      [{ StringLike: { k: '*' } }, false],
      [{ StringNotLike: { k: '*' } }, true],
      [{ NumericEquals: { k: '1' } }, false],
      [{ NumericNotEquals: { k: '1' } }, true],
      [{ NotIpAddress: { k: '10.0.0.0/8' } }, true],
      [{ StringEqualsIfExists: { k: 'a' } }, true],
      [{ BoolIfExists: { k: 'true' } }, true],
      [{ 'ForAllValues:StringEquals': { k: 'a' } }, true],
      [{ 'ForAnyValue:StringEquals': { k: 'a' } }, false],
      [{ 'ForAnyValue:StringNotEquals': { k: 'a' } }, false],
      [{ Null: { k: 'true' } }, true],
      [{ Null: { k: 'false' } }, false],
    ];
    expect(absent.map(([condition]) => holds(condition))).toEqual(absent.map(([, expected]) => expected));
  });

  it('holds a negated operator only if no value matches', () => {
    const not = { StringNotEquals: { k: ['a', 'b'] } };
    expect([holds(not, { k: 'a' }), holds(not, { k: 'c' })]).toEqual([false, true]);
  });

  it('compares strings, with case, without, and by wildcards', () => {
    expect(holds({ StringEquals: { k: 'a*' } }, { k: 'ab' })).toBe(false);
    expect(holds({ StringLike: { k: 'a*' } }, { k: 'ab' })).toBe(true);
    expect(holds({ StringLike: { k: 'a' } }, { k: '*' })).toBe(false);
    expect(holds({ StringEqualsIgnoreCase: { k: 'ÄB' } }, { k: 'äb' })).toBe(true);
    expect(holds({ StringNotEqualsIgnoreCase: { k: 'AB' } }, { k: 'ab' })).toBe(false);
    expect(holds({ StringEquals: { k: '${aws:username}' } }, { k: 'ada' })).toBe(true);
  });

  it('compares numbers and dates by value', () => {
    expect(holds({ NumericLessThanEquals: { 's3:max-keys': '10' } }, { 's3:max-keys': '10.0' })).toBe(true);
    expect(holds({ NumericGreaterThan: { k: '9' } }, { k: '10' })).toBe(true);
    expect(holds({ NumericGreaterThan: { k: '9' } }, { k: 'ten' })).toBe(false);
    expect(holds({ DateGreaterThan: { 'aws:CurrentTime': '2026-11-21T11:59:59Z' } })).toBe(true);
    expect(holds({ DateLessThan: { 'aws:CurrentTime': '2026-11-21T12:00:00Z' } })).toBe(false);
    expect(holds({ DateLessThanEquals: { 'aws:EpochTime': '2026-11-21T12:00:00Z' } })).toBe(true);
  });

  it('compares addresses by range, in both families', () => {
    const from = (sourceIp: string) => ({ ...context, sourceIp });
    const inside = { IpAddress: { 'aws:SourceIp': ['10.0.0.0/8', '2001:db8::/32'] } };
    expect(holds(inside)).toBe(true);
    expect(holds(inside, {}, from('11.0.0.1'))).toBe(false);
    expect(holds(inside, {}, from('2001:db8::1'))).toBe(true);
    expect(holds({ NotIpAddress: { 'aws:SourceIp': '10.1.2.3' } })).toBe(false);
    expect(holds({ IpAddress: { 'aws:SourceIp': '0.0.0.0/0' } }, {}, from('2001:db8::1'))).toBe(false);
  });

  it('compares ARNs part by part', () => {
    expect(holds({ ArnLike: { 'aws:PrincipalArn': 'arn:aws:iam::1:user/*' } })).toBe(true);
    expect(holds({ ArnEquals: { 'aws:PrincipalArn': 'arn:aws:iam::*:user/ada' } })).toBe(true);
    expect(holds({ ArnNotLike: { 'aws:PrincipalArn': 'arn:aws:iam::1:role/*' } })).toBe(true);
  });

  it('looks at every value of a multivalued key as the prefix says', () => {
    const keys = (...values: string[]) => ({ 'aws:TagKeys': values });
    const all = { 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a', 'b'] } };
    expect([holds(all, keys('a')), holds(all, keys('a', 'c')), holds(all, keys())]).toEqual([true, false, true]);
    const any = { 'ForAnyValue:StringEquals': { 'aws:TagKeys': ['a', 'b'] } };
    expect([holds(any, keys('a', 'c')), holds(any, keys('c')), holds(any, keys())]).toEqual([true, false, false]);
    const noneOf = { 'ForAllValues:StringNotEquals': { 'aws:TagKeys': ['a'] } };
    expect([holds(noneOf, keys('b', 'c')), holds(noneOf, keys('a', 'c'))]).toEqual([true, false]);
  });

  it('knows the keys of caller and connection, which a request cannot claim', () => {
    expect(holds({ Bool: { 'aws:SecureTransport': 'false' } })).toBe(true);
    expect(holds({ Bool: { 'aws:SecureTransport': 'true' } }, { 'aws:SecureTransport': 'true' })).toBe(false);
    expect(holds({ StringEquals: { 'aws:username': 'root' } }, { 'AWS:UserName': 'root' })).toBe(false);
    expect(holds({ StringEquals: { 'AWS:USERID': 'AIDA1' } })).toBe(true);
    expect(holds({ StringEquals: { 'aws:PrincipalTag/team': 'a' } }, {}, context, { team: 'a' })).toBe(true);
    expect(holds({ StringEquals: { 'aws:PrincipalTag/team': 'a' } }, { 'aws:PrincipalTag/team': 'a' })).toBe(false);
  });
});
