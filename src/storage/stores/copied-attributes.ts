import type { ObjectAttributes, ObjectHead, PutOptions } from '../contract.ts';

/**
 * The attributes of a copy: tags travel unless others are given, an empty set of them means none; locks, access lists,
 * classes and encryption are never those of the source.
 */
export function copiedAttributes(source: ObjectHead, { attributes = {} }: PutOptions): ObjectAttributes {
  const { tags = source.attributes.tags, ...others } = attributes;
  return tags === undefined || Object.keys(tags).length === 0 ? others : { ...others, tags };
}
