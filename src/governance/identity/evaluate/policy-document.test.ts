import { expect, it } from 'vitest';
import { LochError } from '../../../core/errors.ts';
import { type PolicyKind, parsePolicyDocument } from './policy-document.ts';

const ok = { Effect: 'Allow', Action: 's3:GetObject', Resource: '*' };

function faultOf(source: string | object, kind: PolicyKind = 'identity'): string {
  const text =
    typeof source === 'string' ? source : JSON.stringify({ Version: '2012-10-17', Statement: source }, null, 1);
  try {
    parsePolicyDocument(text, kind);
  } catch (error) {
    if (error instanceof LochError && error.code === 'malformed_policy') return error.message;
    throw error;
  }
  return 'none';
}

it('takes the forms the grammar allows', () => {
  const fine: object[] = [
    ok,
    [ok, { ...ok, Sid: 'two' }],
    { ...ok, Action: ['s3:*', 'glue:Get?able'], Resource: ['arn:aws:s3:::b', 'arn:aws:s3:::b/*'] },
    { Effect: 'Deny', NotAction: 'iam:*', NotResource: 'arn:aws:glue:*:*:table/a/*' },
    {
      ...ok,
      Condition: { 'ForAnyValue:StringLikeIfExists': { 'aws:TagKeys': ['a*'] }, Bool: { 'aws:SecureTransport': true } },
    },
    { ...ok, Condition: { NumericLessThan: { 's3:max-keys': 10 }, Null: { 'aws:TokenIssueTime': 'true' } } },
  ];
  expect(fine.map((statement) => faultOf(statement))).toEqual(fine.map(() => 'none'));
});

it('names what is wrong, what is known, and where it stands', () => {
  expect(faultOf('{"Version": "2012-10-17", "Statement": [}')).toMatch(/Unexpected "}" .*line 1, column 41/);
  expect(faultOf('{"Version": "2012-10-17"')).toMatch(/line 1, column 25/);
  expect(faultOf('{"Statement": []} x')).toMatch(/Text follows/);
  expect(faultOf('[]')).toMatch(/must be an object/);
  expect(faultOf('{"Version": "2020-01-01", "Statement": []}')).toMatch(/2020-01-01.*Known: 2012-10-17/);
  expect(faultOf([])).toMatch(/no Statement/);
  expect(faultOf({ ...ok, Effect: 'allow' })).toMatch(/Effect is `allow`. Known: Allow, Deny. \(line 4, column 13\)/);
  expect(faultOf({ ...ok, Resourse: '*' })).toMatch(/`Resourse`.*Did you mean Resource/);
  expect(faultOf({ Effect: 'Allow', Resource: '*' })).toMatch(/no Action/);
  expect(faultOf({ Effect: 'Allow', Action: 's3:*' })).toMatch(/no Resource/);
  expect(faultOf({ ...ok, NotAction: 's3:*' })).toMatch(/cannot stand together/);
  expect(faultOf({ ...ok, Action: 'GetObject' })).toMatch(/service:Operation/);
  expect(faultOf({ ...ok, Action: [] })).toMatch(/must not be empty/);
  expect(faultOf({ ...ok, Resource: 'bucket/key' })).toMatch(/must be an ARN/);
  expect(
    faultOf([
      { ...ok, Sid: 'a' },
      { ...ok, Sid: 'a' },
    ]),
  ).toMatch(/Sid `a` stands twice/);
  expect(faultOf({ ...ok, Condition: { StringEqualz: { a: 'b' } } })).toMatch(
    /no condition operator. Known: StringEquals/,
  );
  expect(faultOf({ ...ok, Condition: { NullIfExists: { a: 'true' } } })).toMatch(/no condition operator/);
  expect(faultOf({ ...ok, Condition: { toString: { a: 'b' } } })).toMatch(/no condition operator/);
  expect(faultOf({ ...ok, Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/33' } } })).toMatch(
    /`10.0.0.0\/33` .*CIDR/,
  );
  expect(faultOf({ ...ok, Condition: { NumericEquals: { a: 'ten' } } })).toMatch(/must be a number/);
  expect(faultOf({ ...ok, Condition: { DateLessThan: { a: 'soon' } } })).toMatch(/must be a date/);
  expect(faultOf({ ...ok, Condition: { Bool: { a: 'yes' } } })).toMatch(/must be `true` or `false`/);
});

it('refuses a name given twice, whose meaning would depend on the reader', () => {
  const text = '{"Statement": {"Effect": "Deny", "Effect": "Allow", "Action": "*", "Resource": "*"}}';
  expect(faultOf(text)).toMatch(/`Effect` stands twice/);
});

it('asks for a principal where one belongs, and refuses one elsewhere', () => {
  expect(faultOf({ ...ok, Principal: '*' })).toMatch(/names no Principal/);
  expect(faultOf(ok, 'resource')).toMatch(/no Principal/);
  expect(faultOf({ ...ok, Principal: { AWS: ['arn:aws:iam::1:root'] } }, 'resource')).toBe('none');
  expect(faultOf({ ...ok, Principal: { Machine: 'x' } }, 'resource')).toMatch(/`Machine` is no kind of principal/);
  const trust = { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'glue.amazonaws.com' } };
  expect(faultOf(trust, 'trust')).toBe('none');
  expect(faultOf({ ...trust, Resource: '*' }, 'trust')).toMatch(/names no Resource/);
});

it('bounds the depth of a document', () => {
  expect(faultOf(`{"Statement": ${'['.repeat(50_000)}`)).toMatch(/nested deeper than 20/);
});
