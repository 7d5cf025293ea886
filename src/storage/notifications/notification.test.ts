import { describe, expect, it } from 'vitest';
import type { StoredEvent } from '../../core/events.ts';
import { readNotification, renderNotification } from '../../doors/s3/settings/notification-form.ts';
import { parseXml, renderXml } from '../../doors/s3/xml.ts';
import { parseNotification } from './configuration.ts';
import { eventMessage, sequencerOf, testMessage } from './event-message.ts';
import { eventNameOf } from './event-names.ts';
import { matchTargets } from './match-targets.ts';

const topic = (content: string, id = 't') =>
  `<TopicConfiguration><Id>${id}</Id><Topic>arn:loch:webhook:us-east-1:1:http://x/</Topic>${content}</TopicConfiguration>`;
const configured = (content: string) =>
  parseNotification(readNotification(parseXml(`<NotificationConfiguration>${content}</NotificationConfiguration>`)));
const filter = (...rules: [string, string][]) =>
  `<Filter><S3Key>${rules.map(([name, value]) => `<FilterRule><Name>${name}</Name><Value>${value}</Value></FilterRule>`).join('')}</S3Key></Filter>`;
const CREATED = '<Event>s3:ObjectCreated:*</Event>';
const PUT = '<Event>s3:ObjectCreated:Put</Event>';

const created = (change: object = {}): StoredEvent =>
  ({
    name: 'storageObjectCreated',
    sequence: 17,
    at: Date.parse('2024-05-01T10:00:00Z'),
    payload: {
      bucket: 'b',
      key: 'in/a b+c/ü.csv',
      size: 5,
      etag: '"abc"',
      versionId: 'v1',
      operation: 'PutObject',
      ...change,
    },
  }) as StoredEvent;

describe('a notification configuration', () => {
  it('comes back as it was written', () => {
    const document = renderXml('NotificationConfiguration', {
      ...renderNotification(
        configured(
          `${topic(PUT + filter(['Prefix', 'a/'], ['suffix', '.csv']))}<QueueConfiguration><Id>q</Id><Queue>arn:aws:sqs:r:1:q</Queue><Event>s3:ObjectRemoved:*</Event><Event>s3:LifecycleTransition</Event></QueueConfiguration><EventBridgeConfiguration/>`,
        ),
      ),
    });
    expect(document).toContain('<Event>s3:ObjectRemoved:*</Event><Event>s3:LifecycleTransition</Event>');
    expect(document).toContain('<EventBridgeConfiguration></EventBridgeConfiguration>');
    const again = parseNotification(readNotification(parseXml(document)));
    expect(renderXml('NotificationConfiguration', renderNotification(again))).toBe(document);
  });

  it.each([
    ['an unknown event', topic('<Event>s3:ObjectEaten</Event>'), 'invalid_argument'],
    ['no event', topic(''), 'invalid_argument'],
    ['a filter that is neither prefix nor suffix', topic(PUT + filter(['infix', 'a'])), 'invalid_argument'],
    ['two prefixes in one filter', topic(PUT + filter(['prefix', 'a'], ['prefix', 'b'])), 'invalid_argument'],
    ['one id twice', topic(PUT + filter(['prefix', 'a'])) + topic(PUT + filter(['prefix', 'b'])), 'invalid_argument'],
    [
      'one event for nested prefixes',
      topic(PUT + filter(['prefix', 'a']), '1') + topic(CREATED + filter(['prefix', 'ab']), '2'),
      'invalid_argument',
    ],
    [
      'one event for nested prefixes with other suffixes',
      topic(PUT + filter(['prefix', 'a'], ['suffix', '.a']), '1') +
        topic(PUT + filter(['prefix', 'ab'], ['suffix', '.b']), '2'),
      'accepted',
    ],
    ['other events for one prefix', topic(PUT, '1') + topic('<Event>s3:ObjectRemoved:*</Event>', '2'), 'accepted'],
    ['nothing', '', 'accepted'],
  ])('answers %s as S3 does', (_, content, outcome) => {
    let got = 'accepted';
    try {
      configured(content);
    } catch (error) {
      got = (error as { code: string }).code;
    }
    expect(got).toBe(outcome);
  });

  it('tells of a key that begins and ends as asked, by events that are asked for', () => {
    const configuration = configured(topic(CREATED + filter(['prefix', 'in/'], ['suffix', '.csv'])));
    const told = (key: string, name = 's3:ObjectCreated:Copy') => matchTargets(configuration, { key, name }).length;
    expect([told('in/a.csv'), told('in/a.json'), told('a.csv'), told('in/a.csv', 's3:ObjectRemoved:Delete')]).toEqual([
      1, 0, 0, 0,
    ]);
  });
});

describe('the message of a change', () => {
  const facts = { region: 'eu-west-1', ownerId: 'OWNER', configurationId: 't' };

  it("has S3's members, with the key encoded as forms are", () => {
    expect(JSON.parse(eventMessage(created(), facts)!)).toEqual({
      Records: [
        {
          eventVersion: '2.1',
          eventSource: 'aws:s3',
          awsRegion: 'eu-west-1',
          eventTime: '2024-05-01T10:00:00.000Z',
          eventName: 'ObjectCreated:Put',
          userIdentity: { principalId: 'OWNER' },
          requestParameters: { sourceIPAddress: '127.0.0.1' },
          responseElements: { 'x-amz-request-id': '', 'x-amz-id-2': '' },
          s3: {
            s3SchemaVersion: '1.0',
            configurationId: 't',
            bucket: { name: 'b', ownerIdentity: { principalId: 'OWNER' }, arn: 'arn:aws:s3:::b' },
            object: {
              key: 'in/a+b%2Bc/%C3%BC.csv',
              size: 5,
              eTag: 'abc',
              versionId: 'v1',
              sequencer: '000000000000000011',
            },
          },
        },
      ],
    });
    const marker = {
      name: 'storageObjectDeleted',
      sequence: 1,
      at: 0,
      payload: { bucket: 'b', key: 'k', versionId: 'm', deleteMarker: true },
    };
    const { Records } = JSON.parse(eventMessage(marker as StoredEvent, facts)!);
    expect(Records[0].eventName).toBe('ObjectRemoved:DeleteMarkerCreated');
    expect(Records[0].s3.object).toEqual({ key: 'k', versionId: 'm', sequencer: '000000000000000001' });
  });

  it('is named after what was done', () => {
    const names = ['PutObject', 'CopyObject', 'CompleteMultipartUpload', 'Delivery'].map((operation) =>
      eventNameOf(created({ operation })),
    );
    expect(names).toEqual([
      's3:ObjectCreated:Put',
      's3:ObjectCreated:Copy',
      's3:ObjectCreated:CompleteMultipartUpload',
      's3:ObjectCreated:Put',
    ]);
    const other = (name: string, payload: object) => eventNameOf({ name, sequence: 1, at: 0, payload } as StoredEvent);
    expect(other('storageObjectDeleted', { operation: 'LifecycleExpiration' })).toBe('s3:LifecycleExpiration:Delete');
    expect(other('storageObjectChanged', { operation: 'PutObjectTagging' })).toBe('s3:ObjectTagging:Put');
    expect(other('storageObjectChanged', { operation: 'PutObjectRetention' })).toBeUndefined();
    expect(other('storageBucketCreated', {})).toBeUndefined();
  });

  it('has sequencers that order as texts', () => {
    expect([sequencerOf(10), sequencerOf(9), sequencerOf(2 ** 40)].sort()).toEqual([
      sequencerOf(9),
      sequencerOf(10),
      sequencerOf(2 ** 40),
    ]);
  });

  it('is another one when a configuration is set', () => {
    expect(JSON.parse(testMessage({ bucket: 'b', at: 0, requestId: 'r' }))).toEqual({
      Service: 'Amazon S3',
      Event: 's3:TestEvent',
      Time: '1970-01-01T00:00:00.000Z',
      Bucket: 'b',
      RequestId: 'r',
      HostId: 'r',
    });
  });
});
